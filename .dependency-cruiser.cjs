// Who may import whom. The packages form layers; a package sees only what its line names, and never an app.
// docs/architecture.md explains the layers; `npm run boundaries` checks them.

/** Our packages that each package may import, in shipped code. */
const mayImport = {
  primitives: [],
  native: [],
  erasure: ["primitives", "native"],
  domain: ["primitives"],
  contracts: ["primitives"],
  telemetry: ["primitives"],
  messaging: ["primitives", "contracts", "telemetry"],
  jobs: ["primitives", "telemetry"],
  database: ["primitives"],
  "chain-client": ["primitives", "telemetry"],
  "miner-client": ["primitives", "telemetry"],
  "blob-store": ["primitives", "telemetry"],
};
const layers0to3 = Object.keys(mayImport);
mayImport["service-runtime"] = layers0to3;
mayImport.sdk = ["primitives", "contracts", "chain-client"];
mayImport.simulator = ["primitives", "domain"];
const shippedPackages = Object.keys(mayImport);

const anyOf = (names) => `(?:${names.join("|")})`;
const test = "\\.(?:test|spec|bench)\\.ts$|^(?:apps|packages)/[^/]+/(?:test|bench)/";

const layers = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `layer-of-${name}`,
  comment: `${name} may import ${allowed.length > 0 ? allowed.join(", ") : "no package of ours"}`,
  severity: "error",
  from: { path: `^packages/${name}/`, pathNot: test },
  to: { path: "^packages/", pathNot: `^packages/${anyOf([name, ...allowed])}/` },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...layers,
    {
      name: "every-package-has-a-layer",
      comment: "a new package gets a line in the table above (development packages: testnet, bench)",
      severity: "error",
      from: { path: "^packages/", pathNot: `^packages/${anyOf([...shippedPackages, "testnet", "bench"])}/` },
      to: {},
    },
    {
      name: "no-app-imports-an-app",
      comment: "apps talk over HTTP and NATS",
      severity: "error",
      from: { path: "^apps/([^/]+)/" },
      to: { path: "^apps/", pathNot: "^apps/$1/" },
    },
    {
      name: "no-package-imports-an-app",
      severity: "error",
      from: { path: `^packages/${anyOf(shippedPackages)}/` },
      to: { path: "^apps/" },
    },
    {
      name: "testnet-stays-out-of-services",
      comment: "testnet is for tests; only the command that starts a whole network ships with testnet",
      severity: "error",
      from: { path: "^apps/(?!cli/)", pathNot: test },
      to: { path: "^packages/testnet/" },
    },
    {
      name: "the-core-does-no-io",
      comment: "decisions are pure: of Node only crypto, whose digest is a function of its input",
      severity: "error",
      from: {
        path: `^packages/${anyOf(["primitives", "domain", "erasure"])}/src/`,
        // A codec's WebAssembly lies in a file, and these read it, once.
        pathNot: ["^packages/erasure/src/(?:subspace-codec|kernel)\\.ts$", test],
      },
      to: { dependencyTypes: ["core"], pathNot: "^(?:node:)?crypto$" },
    },
    {
      name: "the-core-needs-no-library",
      severity: "error",
      from: { path: `^packages/${anyOf(["primitives", "domain"])}/src/`, pathNot: test },
      to: { path: "node_modules" },
    },
    {
      name: "erasure-needs-its-codec-only",
      severity: "error",
      from: { path: "^packages/erasure/src/", pathNot: test },
      to: { path: "node_modules", pathNot: "reed-solomon-erasure" },
    },
    {
      name: "nest-is-a-host",
      comment: "Nest is for service-runtime, the NATS transport of messaging, and the edges of apps",
      severity: "error",
      from: {
        path: `^packages/${anyOf(layers0to3)}/|^apps/[^/]+/src/flow/`,
        pathNot: ["^packages/messaging/", test],
      },
      to: { path: "node_modules/@nestjs/" },
    },
    {
      name: "flows-do-not-know-adapters",
      comment: "a flow is given its ports; app.module.ts chooses the adapters",
      severity: "error",
      from: { path: "^apps/([^/]+)/src/flow/", pathNot: test },
      to: { path: "^apps/$1/src/adapters/" },
    },
    {
      name: "no-circular",
      comment: "also of types alone: a type that two files need has a file of its own",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "everything-resolves",
      comment: "what is imported exists and is declared in the package's own package.json",
      severity: "error",
      // A command in bin/ starts what the build makes.
      from: { pathNot: "^apps/[^/]+/bin/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API that dependency-cruiser could parse with.
    parser: "swc",
    exclude: { path: "^(?:apps|packages)/[^/]+/(?:dist|src/generated)/" },
    doNotFollow: { path: "node_modules|/vectors/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      // "source" leads from @granary/x to its TypeScript, so nothing has to be built.
      conditionNames: ["source", "import", "node", "default", "require", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
