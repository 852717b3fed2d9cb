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
  testTimeout: 20_000, // ms: a browser starts within it on two busy cores
  maxWorkers: 2,
};
