// node scripts/render-kubernetes.mjs   renders the overlays of infra/kubernetes; needs kubectl with kustomize 5
import { writeFileSync } from "node:fs";
import { overlays, render, renderedFile } from "./lib/kubernetes.mjs";

for (const overlay of overlays) {
  const text = render(overlay);
  if (text === undefined) throw new Error("there is no kubectl with kustomize 5");
  writeFileSync(renderedFile(overlay), text);
  console.log(`wrote ${renderedFile(overlay)}`);
}
