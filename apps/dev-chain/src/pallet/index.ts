import type { Pallet } from "../engine/dispatch.js";
import { agenda } from "./agenda.js";
import { audit } from "./audit.js";
import { balances } from "./balances.js";
import { cessTreasury } from "./cess-treasury.js";
import { fileBank } from "./file-bank.js";
import { oss } from "./oss.js";
import { schedulerCredit } from "./scheduler-credit.js";
import { sminer } from "./sminer.js";
import { storageHandler } from "./storage-handler.js";
import { sudo } from "./sudo.js";
import { system } from "./system.js";
import { teeWorker } from "./tee-worker.js";
import { timestamp } from "./timestamp.js";
import { transactionPayment } from "./transaction-payment.js";
import { utility } from "./utility.js";

/** The rules of all pallets, in the order in which they begin a block. */
export const rules: readonly Pallet[] = [
  system,
  utility,
  timestamp,
  balances,
  transactionPayment,
  sudo,
  agenda,
  cessTreasury,
  schedulerCredit,
  teeWorker,
  fileBank,
  sminer,
  audit,
  storageHandler,
  oss,
];
