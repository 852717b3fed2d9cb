/** What tests of clusters share: templates of two generations for 8 × 8 digits, and waiting for a task. */
import type { Client } from "../node.ts";

export const T1 = `version: 1
bricks:
    1,1,1
        input: picture
        number_of_neurons: 64
    2,1,1
        number_of_neurons: 4
    3,1,1
        output: label
        number_of_neurons: 10
`;

export const T2 = `version: 1
settings:
    refractory_time: 1
bricks:
    1,1,1
    2,1,1
    3,1,1
inputs:
    picture:
        target: 1,1,1
        number_of_inputs: 64
outputs:
    label:
        target: 3,1,1
        number_of_outputs: 10
`;

export const T3 = `version: 1
settings:
    refractory_time: 1
hexagons:
    1,1,1
    2,1,1
    3,1,1
inputs:
    picture_hex: 1,1,1
outputs:
    label_hex: 3,1,1
`;

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** The task as its client sees it once it is over. */
export async function finished(client: Client, cluster: string, task: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { status, body } = await client.get(`/v1/task?uuid=${task}&cluster_uuid=${cluster}`);
    if (status !== 200) throw new Error(`asked for the task, got ${status} ${JSON.stringify(body)}`);
    const view = body as Record<string, unknown>;
    if (view.state === "finished" || view.state === "aborted") return view;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
