-- CreateTable
CREATE TABLE "ingest"."staging_claim" (
    "id" UUID NOT NULL,
    "bytes" BIGINT NOT NULL,
    "renewed_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "staging_claim_pkey" PRIMARY KEY ("id")
);
