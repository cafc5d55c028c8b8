/** The protocol's envelope. Errors carry HTTP status 200, but for a bad signature: clients must read `code`. */
export interface Reply {
  readonly code: number;
  readonly msg: string;
  readonly data: unknown;
}

const reply = (code: number, msg: string): Reply => ({ code, msg, data: null });

/** In the words of the deployed miner software, which clients may compare. */
export const replies = {
  ok: reply(200, "ok"),
  signatureInvalid: reply(403, "invalid signature"),
  idsMissing: reply(400, "empty fid or fragment"),
  idsInvalid: reply(400, "invalid fid or fragment"),
  sizeWrong: reply(400, "the fragment size is wrong"),
  hashWrong: reply(400, "the fragment hash is wrong"),
  chainUnreachable: reply(403, "failed to connect to rpc, please try again later."),
  dealUnknown: reply(400, "fragment does not match fid"),
  notFound: reply(404, "not found"),
  rangeInvalid: reply(416, "invalid range"),
  systemError: reply(500, "system error"),
} as const satisfies Record<string, Reply>;
