import type { ChainClient, Signer } from "@granary/chain-client";
import { allColumns, type Cast, type ChainProcess, fileOf, poll } from "@granary/testnet";

export const BLOCKS = 10_000;
/** One of so many blocks has a transaction, which the chain seals at once; it brings some events, each block one more. */
const BLOCKS_PER_TRANSACTION = 4;
const FILES = Math.floor(BLOCKS / BLOCKS_PER_TRANSACTION / (1 + allColumns.length));

/** Files that are declared, reported column by column, and become active, in many blocks without anything. */
export async function fillChain(node: ChainProcess, { reader, writer, calls }: ChainClient, cast: Cast): Promise<void> {
  const expand = calls.expandTerritory("default", 40);
  await writer.signAndFinalize(cast.owner, expand);
  const begin = (await reader.bestHead()).number;
  const nonces = new Map<Signer, number>();
  const send = async (signer: Signer, call: Parameters<typeof writer.prepare>[1]) => {
    const nonce = nonces.get(signer) ?? (await reader.nonce(signer.account, "best"));
    nonces.set(signer, nonce + 1);
    const { extrinsicHex } = await writer.prepare(signer, call, { nonce });
    await node.ask("author_submitExtrinsic", extrinsicHex);
    await node.ask("dev_sealBlocks", BLOCKS_PER_TRANSACTION - 1);
  };
  for (let file = 0; file < FILES; file += 1) {
    const { fid, segments } = fileOf(`file ${file}`);
    const declaration = { fid, segments, owner: cast.owner.account, territory: "default", sizeBytes: 1000 };
    await send(cast.gateway, calls.uploadDeclaration({ ...declaration, name: `${file}.bin` }));
    for (const column of allColumns) {
      await send(cast.miners[column - 1] as Signer, calls.transferReport(column, fid));
    }
  }
  const missing = begin + BLOCKS - (await reader.bestHead()).number;
  if (missing > 0) await node.ask("dev_sealBlocks", missing);
  const { number } = await reader.bestHead();
  if (!(await poll(async () => (await reader.finalizedHead()).number >= number, 60_000))) throw new Error("not final");
}
