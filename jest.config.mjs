/** Jest runs the TypeScript sources as they are: swc strips the types, Node loads the result as ES modules. */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
  moduleNameMapper: {
    "^jackfield$": "<rootDir>/kernel/index.ts",
    "^jackfield/process$": "<rootDir>/lib/process/index.ts",
    "^jackfield/process/harness$": "<rootDir>/lib/process/harness.ts",
    "^jackfield/protocol$": "<rootDir>/lib/protocol/index.ts",
    "^jackfield/client$": "<rootDir>/lib/client/index.ts",
  },
  testTimeout: 60_000, // ms: CI has had a quarter of a quiet machine's speed; what passes does not take longer for it
  maxWorkers: 2,
};
