import { ApiDocsController } from "./api-docs.controller.js";
import { CatalogueController } from "./catalogue.controller.js";
import { ChunkController } from "./chunk.controller.js";
import { DownloadController } from "./download.controller.js";
import { OperationsController } from "./operations.controller.js";
import { OperatorController } from "./operator.controller.js";
import { UploadController } from "./upload.controller.js";
import { UploadsController } from "./uploads.controller.js";

/** Every HTTP route of the gateway, beside health and metrics. */
export const httpControllers = [
  UploadController,
  ChunkController,
  UploadsController,
  CatalogueController,
  OperatorController,
  OperationsController,
  ApiDocsController,
  DownloadController,
];
