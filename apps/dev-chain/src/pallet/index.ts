import type { Pallet } from "../engine/dispatch.js";
import { agenda } from "./agenda.js";
import { balances } from "./balances.js";
import { fileBank } from "./file-bank.js";
import { oss } from "./oss.js";
import { sminer } from "./sminer.js";
import { storageHandler } from "./storage-handler.js";
import { sudo } from "./sudo.js";
import { system } from "./system.js";
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
  fileBank,
  sminer,
  storageHandler,
  oss,
];
