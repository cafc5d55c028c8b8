// The rendered manifests are those of the present inputs, and the compiler takes each as what Kubernetes' own schema says
// it is: types, required fields, and (what validators let pass) no field that nobody knows.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { inputsDigest, overlays, render, renderedFile } from "../lib/kubernetes.mjs";
import { root } from "../lib/root.mjs";
import { run } from "../lib/run.mjs";

const again = "run: node scripts/render-kubernetes.mjs";
const modules = {
  "apps/v1": "kubernetes-models/apps/v1",
  v1: "kubernetes-models/v1",
  "batch/v1": "kubernetes-models/batch/v1",
  "policy/v1": "kubernetes-models/policy/v1",
  "autoscaling/v2": "kubernetes-models/autoscaling/v2",
  "networking.k8s.io/v1": "kubernetes-models/networking.k8s.io/v1",
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};

const imports = new Set();
function declaration(object, name) {
  const { apiVersion, kind } = object;
  if (modules[apiVersion] === undefined) throw new Error(`no schema for ${apiVersion} ${kind}`);
  const alias = `${kind}_${apiVersion.replace(/\W/g, "_")}`;
  imports.add(`import type { I${kind} as ${alias} } from "${modules[apiVersion]}";`);
  return `export const ${name}: ${alias} = ${JSON.stringify(object, null, 1)};`;
}

const folder = join(root, "node_modules", ".cache", "kubernetes");
async function compiles(name, declarations) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, [...imports, ...declarations].join("\n"));
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--ignoreConfig",
    "--module",
    "nodenext",
    "--target",
    "es2022",
  ];
  return (await run("tsc", [...options, "--types", "", file])) === 0;
}

const objects = [];
for (const overlay of overlays) {
  const written = readFileSync(renderedFile(overlay), "utf8");
  if (!written.includes(inputsDigest(overlay))) {
    console.error(`${overlay}: the inputs have changed since it was rendered; ${again}`);
    process.exitCode = 1;
  }
  const now = render(overlay);
  if (now === undefined)
    console.log(`${overlay}: no kubectl with kustomize 5 here; compared by the inputs' digest alone`);
  else if (now !== written) {
    console.error(`${overlay}: kustomize makes something else of it; ${again}`);
    process.exitCode = 1;
  }
  objects.push(...parseAllDocuments(written).map((one) => one.toJS()));
}
const declarations = objects.map((object, i) => declaration(object, `object${i}`));
if (objects.length < 40 || !(await compiles("manifests", declarations))) process.exitCode = 1;

// A check that takes everything would prove nothing.
const misspelt = structuredClone(objects.find(({ kind }) => kind === "Deployment"));
misspelt.spec.template.spec.containers[0].readinesProbe = {};
console.log("a misspelt field, which must be refused:");
if (await compiles("misspelt", [declaration(misspelt, "misspelt")])) {
  console.error("it was taken");
  process.exitCode = 1;
}
