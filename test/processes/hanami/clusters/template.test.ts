/** Templates of clusters: what is read of each dialect, and where a mistake is. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { clusterLimits } from "../../../../processes/hanami/clusters/limits.ts";
import type { Template } from "../../../../processes/hanami/clusters/template.ts";
import { faultText, isFault, parseTemplate } from "../../../../processes/hanami/clusters/template-parse.ts";

const LIMITS = clusterLimits();

const T1 = `version: 1
settings:
    neuron_cooldown: 1000.5
    refractory_time: 2
    enable_reduction: True
bricks:
    1,1,1
        input: sensor
        number_of_neurons: 3
    2,1,1
        number_of_neurons: 16

    3,1,1
        output: answer
        number_of_neurons: 2
`;
const T2 = `version: 1
settings:
    max_connection_distance: 1
bricks:
    1,1,1
    2,1,1
    -3,1,1
inputs:
    picture:
        target: 1,1,1
        number_of_inputs: 784
outputs:
    label:
        target: -3,1,1
        number_of_outputs: 10
`;
const T2H = T2.replace("bricks:", "hexagons:");
const T3 = `version: 1
settings:
    max_connection_distance: 1
hexagons:
    1,1,1
    2,1,1
    3,1,1
axons:
    1,1,1 -> 2,1,1
    2,1,1 -> 3,1,1
inputs:
    picture_hex: 1,1,1 (binary)
outputs:
    label_hex: 3,1,1 (int)
`;

function parsed(text: string): Template {
  const template = parseTemplate(text, LIMITS);
  if (isFault(template)) throw new Error(faultText(template));
  return template;
}

function place(text: string): string {
  const template = parseTemplate(text, LIMITS);
  if (!isFault(template)) throw new Error(`wanted a fault, got ${JSON.stringify(template)}`);
  return `${template.line}:${template.column} ${template.why}`;
}

describe("parseTemplate()", () => {
  test("reads T1: bricks with what is below their position", () => {
    expect(parsed(T1)).toEqual({
      dialect: "T1",
      settings: {
        neuron_cooldown: 1000.5,
        max_connection_distance: 1,
        refractory_time: 2,
        enable_reduction: true,
      },
      cells: 3,
      axons: 0,
      inputs: [{ name: "sensor", size: 3 }],
      inner: [16],
      outputs: [{ name: "answer", size: 2 }],
    });
  });

  test.each([
    ["T2", T2],
    ["T2h", T2H],
  ])("reads %s: lists of cells, inputs and outputs", (dialect, text) => {
    expect(parsed(text)).toMatchObject({
      dialect,
      cells: 3,
      inputs: [{ name: "picture", size: 784 }],
      inner: [LIMITS.innerWidth],
      outputs: [{ name: "label", size: 10 }],
    });
  });

  test("reads T3: no sizes, axons counted", () => {
    expect(parsed(T3)).toMatchObject({
      dialect: "T3",
      axons: 2,
      inputs: [{ name: "picture_hex", size: null }],
      inner: [LIMITS.innerWidth],
      outputs: [{ name: "label_hex", size: null }],
    });
  });

  test("T1 needs no settings, lets positions repeat, and leaves sizes to the first vector", () => {
    const text = "version:1\nbricks:\n1,1,1\ninput: a\n1,1,1\ninput: b\n\n2,2,2\noutput: target\n";
    expect(parsed(text)).toMatchObject({
      dialect: "T1",
      cells: 3,
      inputs: [
        { name: "a", size: null },
        { name: "b", size: null },
      ],
      outputs: [{ name: "target", size: null }],
    });
  });

  test("T1: a brick's first line ends with a line break, a later one may end the text", () => {
    const text = "version: 1\nbricks:\n1,1,1\ninput: a";
    expect(place(text)).toBe("4:9 a line break is expected, not the end");
    expect(parsed(`${text}\nnumber_of_neurons: 3`).inputs).toEqual([{ name: "a", size: 3 }]);
  });

  test("lists do not care where lines break", () => {
    expect(parsed(T2.replaceAll("\n", " "))).toEqual(parsed(T2));
    expect(parsed(T3.replaceAll("\n", "\n\n"))).toEqual(parsed(T3));
  });

  test("the longest word is taken: 5x is a name", () => {
    expect(parsed(T1.replace("sensor", "5x")).inputs[0]?.name).toBe("5x");
    expect(place(T1.replace("sensor", "55"))).toBe('8:16 a name is expected, not "55"');
  });

  test.each([
    ["nothing", "", '1:1 "version" is expected, not the end'],
    ["a line break before the version", `\n${T1}`, '1:1 "version" is expected, not a line break'],
    ["two blanks in the version", T1.replace(": 1", ":  1"), '1:11 the version is written "version: 1" or "version:1"'],
    ["another version", T1.replace(": 1", ": 2"), "1:10 version 1 is the only one, not 2"],
    ["a comment", T1.replace("bricks:", "# bricks:"), '6:1 "#" cannot stand here'],
    ["a carriage return", T1.replaceAll("\n", "\r\n"), '1:11 "\\r" cannot stand here'],
    ["a quote", T1.replace("sensor", '"sensor"'), '8:16 "\\"" cannot stand here'],
    ["an unknown setting", T1.replace("refractory_time", "speed"), '4:5 there is no setting "speed"'],
    ["a setting of another type", T1.replace("True", "1"), "5:23 enable_reduction is true or false"],
    ["a refractory time of 0", T1.replace("refractory_time: 2", "refractory_time: 0"), "4:22 refractory_time is at"],
    ["a reserved name", T1.replace("sensor", "bricks"), '8:16 "bricks" is a word of the template'],
    ["an unknown item", T1.replace("number_of_neurons: 16", "neurons: 16"), "11:9 a brick has input, output"],
    ["half a decimal", T1.replace("1000.5", "1000."), '3:26 "." cannot stand here'],
    ["half a position", T1.replace("2,1,1", "2,1"), '10:8 "," is expected, not a line break'],
    ["a size of 0", T1.replace("neurons: 3", "neurons: 0"), "9:28 a size is 1 to 65536, not 0"],
    ["T2 without settings", T2.replace(/settings:\n.*\n/, ""), '2:1 "settings" is expected, not "bricks"'],
    ["T2 with an empty list of settings", T2.replace(/ {4}max.*\n/, ""), '3:1 there is no setting "bricks"'],
    ["T2 with a position twice", T2.replace("2,1,1", "1,1,1"), "6:5 1,1,1 is there twice"],
    ["T2 with an unknown target", T2.replace("target: 1,1,1", "target: 9,1,1"), "10:17 9,1,1 is none of the"],
    ["T2 with a distance of 0", T2.replace("distance: 1", "distance: 0"), "3:30 max_connection_distance is at least 1"],
    [
      "T2 with a cooldown of 1",
      T2.replace("max_connection_distance: 1", "neuron_cooldown: 1"),
      "3:22 neuron_cooldown is",
    ],
    [
      "T2 without inputs",
      T2.replace(/inputs:[\s\S]*?\noutputs:/, "outputs:"),
      '8:1 "inputs" is expected, not "outputs"',
    ],
    ["T3 with an axon to nowhere", T3.replace("-> 2,1,1", "-> 7,1,1"), "9:14 7,1,1 is none of the positions"],
    [
      "T3 with an unknown hint",
      T3.replace("binary", "float"),
      '12:25 binary or match is expected in parentheses, not "float"',
    ],
    ["words behind the end", `${T3}axons:`, '15:1 "axons" is a word of the template'],
    ["a name twice", T3.replace("(binary)", "picture_hex: 2,1,1"), '1:1 "picture_hex" is there twice'],
    [
      "a network of too many weights",
      T1.replace(": 16", ": 60000").replace("neurons: 3", "neurons: 60000"),
      "1:1 its network would",
    ],
  ])("says where and why: %s", (_, text, why) => {
    expect(place(text)).toContain(why);
  });

  test("says the whole sentence", () => {
    const fault = parseTemplate("version: 1\nbricks:\n  x", LIMITS);
    expect(isFault(fault) ? faultText(fault) : "").toBe(
      'Cannot read the template at line 3, column 3: a position X,Y,Z is expected, not "x"',
    );
  });

  const limits = clusterLimits({ cells: 3, templateLength: T3.length });
  test("takes as many positions and characters as the limits say, and no more", () => {
    expect(isFault(parseTemplate(T3, limits))).toBe(false);
    expect(parseTemplate(T3.replace("axons", "4,1,1 axons"), clusterLimits({ cells: 3 }))).toMatchObject({
      why: "it has 4 positions, at most 3 are taken",
    });
    expect(parseTemplate(`${T3} `, limits)).toMatchObject({
      why: `it has ${T3.length + 1} characters, at most ${T3.length} are read`,
    });
  });

  test("any text is a template or a fault with a place inside it", () => {
    const words = [
      ..."version: 1 settings bricks hexagons inputs outputs axons target input output".split(" "),
      ..."\n:,()-> \t",
    ];
    const soup = fc
      .array(fc.oneof(fc.constantFrom(...words, "1,1,1", "\n"), fc.string({ maxLength: 3 })))
      .map((w) => w.join(" "));
    const cuts = fc.tuple(fc.constantFrom(T1, T2, T2H, T3), fc.nat(400), fc.string({ maxLength: 4 }));
    const cut = cuts.map(([text, at, more]) => text.slice(0, at) + more + text.slice(at + more.length));
    fc.assert(
      fc.property(fc.oneof(soup, cut), (text) => {
        const read = parseTemplate(text, LIMITS);
        if (!isFault(read)) return;
        const lines = text.split("\n");
        expect(read.line).toBeLessThanOrEqual(lines.length);
        expect(read.column).toBeLessThanOrEqual((lines[read.line - 1]?.length ?? 0) + 1);
      }),
      { numRuns: 500 },
    );
  });
});

test("a fault is a sentence, however long the word is that it names", () => {
  const fault = parseTemplate(`version: ${"1".repeat(200_000)}`, clusterLimits());
  expect("why" in fault ? fault.why : "").toMatch(/^version 1 is the only one, not 1{369}…$/);
});
