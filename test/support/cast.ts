/** The processes of the contract's kernel cases (kinode §10), each of its own package, and a kernel that runs them. */
import type { AddProcessOptions } from "../../kernel/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import { startKernel, type TestKernel, type TestKernelOptions } from "./kernel.ts";
import { Recorder } from "./recorder.ts";

export const A = "a:a-package:template.os";
export const B = "b:b-package:template.os";
export const C = "c:c-package:template.os";
export const KERNEL = "kernel:distro:sys";

export type Cast = TestKernel & { readonly a: Recorder };

/** A kernel with A, who is public and may message nobody but who is public, unless `options` say more. */
export function withA(options: AddProcessOptions = {}, kernelOptions: TestKernelOptions = {}): Cast {
  const kernel = startKernel(kernelOptions);
  const a = new Recorder();
  kernel.add(A, a.program, { public: true, ...options });
  return { ...kernel, a };
}

/** B is public too. */
export function withAB(b: Program, options: AddProcessOptions = {}, kernelOptions: TestKernelOptions = {}): Cast {
  const cast = withA({}, kernelOptions);
  cast.add(B, b, { public: true, ...options });
  return cast;
}
