// One jest for the whole repository. `unit` needs nothing but Node; `service` starts real servers.
const shared = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  // Inside the workspace, "source" resolves @granary/* to TypeScript, so tests never run a stale build.
  testEnvironmentOptions: { customExportConditions: ["source", "node"] },
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript", decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: "es6" },
      },
    ],
  },
  modulePathIgnorePatterns: ["<rootDir>/.*/dist/"],
};

export default {
  projects: [
    { ...shared, displayName: "unit", testMatch: ["<rootDir>/{apps,packages,infra}/**/*.test.ts"] },
    {
      ...shared,
      displayName: "service",
      testMatch: ["<rootDir>/{apps,packages,infra}/*/test/**/*.spec.ts"],
      setupFilesAfterEnv: ["<rootDir>/scripts/lib/jest-service-setup.mjs"],
    },
  ],
  testTimeout: 300_000,
};
