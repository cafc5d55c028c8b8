-- AlterTable
ALTER TABLE "ingest"."upload" ADD COLUMN     "is_gcm" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "ingest"."upload_part" ADD COLUMN     "nonce_prefix" BYTEA;

-- CreateTable
CREATE TABLE "ingest"."object_key" (
    "upload_id" UUID NOT NULL,
    "fid" CHAR(64),
    "account" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "wrapped_by" TEXT,
    "wrapped_key" BYTEA NOT NULL,
    "prefix_runs" BYTEA,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "object_key_pkey" PRIMARY KEY ("upload_id")
);

-- CreateIndex
CREATE INDEX "object_key_fid_idx" ON "ingest"."object_key"("fid");

-- CreateIndex
CREATE INDEX "object_key_wrapped_by_idx" ON "ingest"."object_key"("wrapped_by");
