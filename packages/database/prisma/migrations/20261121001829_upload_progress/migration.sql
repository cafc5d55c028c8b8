-- AlterTable
ALTER TABLE "ingest"."upload" ADD COLUMN     "deal_revision" INTEGER NOT NULL DEFAULT -1,
ADD COLUMN     "declared_at" TIMESTAMP(3),
ADD COLUMN     "encoded_at" TIMESTAMP(3);
