import { type EnumShape, type NamedShape, namedTypes, type PalletShape, pallets } from "./index.js";
import { runtimeVersion } from "./version.js";

type Version = Omit<typeof runtimeVersion, "specVersion"> & { readonly specVersion: number };

/** Everything that metadata says of one version of the runtime. */
export interface RuntimeShape {
  readonly version: Version;
  readonly pallets: readonly PalletShape[];
  readonly namedTypes: Readonly<Record<string, NamedShape>>;
}

/** A later runtime numbers the events of this pallet from one more, as when an event is put before them. */
export const renumbered = { pallet: "FileBank", by: 1 } as const;

const later = (shape: EnumShape): EnumShape => ({
  ...shape,
  variants: shape.variants.map((variant) => ({ ...variant, index: variant.index + renumbered.by })),
});

/** The runtime as written here, or one after an upgrade: the same rules, with events in other places. */
export function runtimeShape(specVersion: number): RuntimeShape {
  const version = { ...runtimeVersion, specVersion };
  if (specVersion <= runtimeVersion.specVersion) return { version: runtimeVersion, pallets, namedTypes };
  const name = `${renumbered.pallet}Event`;
  return {
    version,
    pallets: pallets.map((pallet) =>
      pallet.name === "System"
        ? { ...pallet, constants: { ...pallet.constants, Version: ["RuntimeVersion", version] } }
        : pallet,
    ),
    namedTypes: { ...namedTypes, [name]: later(namedTypes[name] as EnumShape) },
  };
}
