/** An error as JSON-RPC carries it. Codes and messages are those of Substrate nodes: clients tell them apart by both. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: string | number,
  ) {
    super(message);
  }
}

export const invalidParams = (detail: string): RpcError => new RpcError(-32602, `Invalid params: ${detail}`);
export const unknownBlock = (hash: string): RpcError => new RpcError(4003, `Client error: UnknownBlock: ${hash}`);
export const stateDiscarded = (hash: string): RpcError =>
  new RpcError(4003, `Client error: UnknownBlock: State already discarded for ${hash}`);
