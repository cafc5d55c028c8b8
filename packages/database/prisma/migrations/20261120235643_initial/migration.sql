-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "chain";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "ingest";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "manifest";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "retrieval";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "scheduling";

-- CreateEnum
CREATE TYPE "chain"."deal_state" AS ENUM ('open', 'completed', 'removed');

-- CreateEnum
CREATE TYPE "ingest"."upload_state" AS ENUM ('receiving', 'received', 'encoded', 'declared', 'placing', 'active', 'failed');

-- CreateEnum
CREATE TYPE "ingest"."upload_kind" AS ENUM ('whole', 'ranges', 'blocks');

-- CreateEnum
CREATE TYPE "manifest"."encoding_state" AS ENUM ('queued', 'encoding', 'encoded', 'failed');

-- CreateEnum
CREATE TYPE "scheduling"."deal_state" AS ENUM ('opened', 'declaring', 'placing', 'active', 'failed');

-- CreateEnum
CREATE TYPE "scheduling"."column_state" AS ENUM ('pending', 'sending', 'placed', 'reported');

-- CreateEnum
CREATE TYPE "scheduling"."transaction_state" AS ENUM ('prepared', 'submitted', 'included', 'finalized', 'failed', 'lost');

-- CreateTable
CREATE TABLE "chain"."cursor" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "genesis" TEXT NOT NULL,
    "height" BIGINT NOT NULL,
    "hash" TEXT NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "cursor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "chain"."miner" (
    "account" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "endpoint" TEXT NOT NULL,
    "idle_bytes" BIGINT NOT NULL,
    "service_bytes" BIGINT NOT NULL,
    "locked_bytes" BIGINT NOT NULL,
    "declared_bytes" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "miner_pkey" PRIMARY KEY ("account")
);

-- CreateTable
CREATE TABLE "chain"."deal" (
    "fid" CHAR(64) NOT NULL,
    "state" "chain"."deal_state" NOT NULL,
    "owner" TEXT NOT NULL,
    "operator" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "segment_count" INTEGER NOT NULL,
    "opened_block" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "deal_pkey" PRIMARY KEY ("fid")
);

-- CreateTable
CREATE TABLE "chain"."report" (
    "fid" CHAR(64) NOT NULL,
    "index" INTEGER NOT NULL,
    "miner" TEXT NOT NULL,
    "block" BIGINT NOT NULL,

    CONSTRAINT "report_pkey" PRIMARY KEY ("fid","index")
);

-- CreateTable
CREATE TABLE "chain"."file" (
    "fid" CHAR(64) NOT NULL,
    "state" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "segment_count" INTEGER NOT NULL,
    "completed_block" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "file_pkey" PRIMARY KEY ("fid")
);

-- CreateTable
CREATE TABLE "chain"."file_owner" (
    "fid" CHAR(64) NOT NULL,
    "account" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "file_owner_pkey" PRIMARY KEY ("fid","account","territory")
);

-- CreateTable
CREATE TABLE "chain"."territory" (
    "account" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "total_bytes" BIGINT NOT NULL,
    "used_bytes" BIGINT NOT NULL,
    "locked_bytes" BIGINT NOT NULL,
    "remaining_bytes" BIGINT NOT NULL,
    "start_block" BIGINT NOT NULL,
    "deadline_block" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "territory_pkey" PRIMARY KEY ("account","name")
);

-- CreateTable
CREATE TABLE "chain"."authorization" (
    "owner" TEXT NOT NULL,
    "operator" TEXT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "authorization_pkey" PRIMARY KEY ("owner","operator")
);

-- CreateTable
CREATE TABLE "chain"."outbox" (
    "id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "chain"."inbox" (
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","message_id")
);

-- CreateTable
CREATE TABLE "ingest"."upload" (
    "id" UUID NOT NULL,
    "account" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "content_type" TEXT,
    "kind" "ingest"."upload_kind" NOT NULL,
    "size_bytes" BIGINT,
    "staged_bytes" BIGINT,
    "part_count" INTEGER,
    "is_cipher" BOOLEAN NOT NULL DEFAULT false,
    "state" "ingest"."upload_state" NOT NULL,
    "fid" CHAR(64),
    "segment_count" INTEGER,
    "placed_columns" INTEGER NOT NULL DEFAULT 0,
    "reported_columns" INTEGER NOT NULL DEFAULT 0,
    "failure_code" TEXT,
    "failure_reason" TEXT,
    "placement" JSONB,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "received_at" TIMESTAMP(3),
    "active_at" TIMESTAMP(3),
    "released_at" TIMESTAMP(3),
    "announced_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "upload_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ingest"."upload_part" (
    "upload_id" UUID NOT NULL,
    "index" BIGINT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "sha256" CHAR(64) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "upload_part_pkey" PRIMARY KEY ("upload_id","index")
);

-- CreateTable
CREATE TABLE "ingest"."object" (
    "account" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "fid" CHAR(64) NOT NULL,
    "name" TEXT NOT NULL,
    "content_type" TEXT,
    "size_bytes" BIGINT NOT NULL,
    "is_cipher" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "object_pkey" PRIMARY KEY ("account","territory","fid")
);

-- CreateTable
CREATE TABLE "ingest"."outbox" (
    "id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ingest"."inbox" (
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","message_id")
);

-- CreateTable
CREATE TABLE "manifest"."encoding" (
    "upload_id" UUID NOT NULL,
    "account" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "staged_bytes" BIGINT NOT NULL,
    "placement" JSONB,
    "state" "manifest"."encoding_state" NOT NULL DEFAULT 'queued',
    "fid" CHAR(64),
    "segment_count" INTEGER NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMP(3),
    "failure_code" TEXT,
    "failure_reason" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "encoding_pkey" PRIMARY KEY ("upload_id")
);

-- CreateTable
CREATE TABLE "manifest"."segment" (
    "upload_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "hash" CHAR(64) NOT NULL,
    "fragment_hashes" TEXT[],

    CONSTRAINT "segment_pkey" PRIMARY KEY ("upload_id","index")
);

-- CreateTable
CREATE TABLE "manifest"."outbox" (
    "id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "manifest"."inbox" (
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","message_id")
);

-- CreateTable
CREATE TABLE "retrieval"."corrupt_fragment" (
    "id" UUID NOT NULL,
    "fid" CHAR(64) NOT NULL,
    "fragment" CHAR(64) NOT NULL,
    "miner" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "observed_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "corrupt_fragment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "retrieval"."outbox" (
    "id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "retrieval"."inbox" (
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","message_id")
);

-- CreateTable
CREATE TABLE "scheduling"."deal" (
    "upload_id" UUID NOT NULL,
    "fid" CHAR(64) NOT NULL,
    "account" TEXT NOT NULL,
    "territory" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "staged_bytes" BIGINT NOT NULL,
    "segment_count" INTEGER NOT NULL,
    "placement" JSONB,
    "state" "scheduling"."deal_state" NOT NULL DEFAULT 'opened',
    "revision" INTEGER NOT NULL DEFAULT 0,
    "declared_block" BIGINT,
    "active_block" BIGINT,
    "failure_code" TEXT,
    "failure_reason" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMP(3),
    "not_before" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "deal_pkey" PRIMARY KEY ("upload_id")
);

-- CreateTable
CREATE TABLE "scheduling"."deal_column" (
    "upload_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "state" "scheduling"."column_state" NOT NULL DEFAULT 'pending',
    "miner" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMP(3),
    "placed_at" TIMESTAMP(3),
    "reported_block" BIGINT,
    "relaxations" TEXT[],

    CONSTRAINT "deal_column_pkey" PRIMARY KEY ("upload_id","index")
);

-- CreateTable
CREATE TABLE "scheduling"."placement_attempt" (
    "id" UUID NOT NULL,
    "upload_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "miner" TEXT NOT NULL,
    "started_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMP(3),
    "outcome" TEXT,
    "reason" JSONB,

    CONSTRAINT "placement_attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "scheduling"."miner" (
    "account" TEXT NOT NULL,
    "chain_state" TEXT NOT NULL,
    "endpoint" TEXT NOT NULL,
    "idle_bytes" BIGINT NOT NULL,
    "alpha" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "beta" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "evidence_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seconds_per_fragment" DOUBLE PRECISION,
    "consecutive_failures" INTEGER NOT NULL DEFAULT 0,
    "cooldown_exponent" INTEGER NOT NULL DEFAULT 0,
    "cooldown_until" TIMESTAMP(3),
    "is_half_open" BOOLEAN NOT NULL DEFAULT false,
    "quarantined_reason" TEXT,
    "last_failure_code" TEXT,
    "last_failure_at" TIMESTAMP(3),
    "last_success_at" TIMESTAMP(3),
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "miner_pkey" PRIMARY KEY ("account")
);

-- CreateTable
CREATE TABLE "scheduling"."chain_transaction" (
    "id" UUID NOT NULL,
    "account" TEXT NOT NULL,
    "nonce" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "extrinsic" TEXT NOT NULL,
    "birth_block" BIGINT NOT NULL,
    "death_block" BIGINT NOT NULL,
    "state" "scheduling"."transaction_state" NOT NULL DEFAULT 'prepared',
    "block_hash" TEXT,
    "block_number" BIGINT,
    "failure_code" TEXT,
    "failure_reason" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "chain_transaction_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "scheduling"."outbox" (
    "id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "scheduling"."inbox" (
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","message_id")
);

-- CreateIndex
CREATE INDEX "miner_state_idx" ON "chain"."miner"("state");

-- CreateIndex
CREATE INDEX "file_owner_account_territory_fid_idx" ON "chain"."file_owner"("account", "territory", "fid");

-- CreateIndex
CREATE INDEX "outbox_published_at_created_at_idx" ON "chain"."outbox"("published_at", "created_at");

-- CreateIndex
CREATE INDEX "inbox_received_at_idx" ON "chain"."inbox"("received_at");

-- CreateIndex
CREATE INDEX "upload_state_announced_at_idx" ON "ingest"."upload"("state", "announced_at");

-- CreateIndex
CREATE INDEX "upload_account_created_at_idx" ON "ingest"."upload"("account", "created_at");

-- CreateIndex
CREATE INDEX "upload_fid_idx" ON "ingest"."upload"("fid");

-- CreateIndex
CREATE INDEX "object_fid_idx" ON "ingest"."object"("fid");

-- CreateIndex
CREATE INDEX "outbox_published_at_created_at_idx" ON "ingest"."outbox"("published_at", "created_at");

-- CreateIndex
CREATE INDEX "inbox_received_at_idx" ON "ingest"."inbox"("received_at");

-- CreateIndex
CREATE INDEX "encoding_state_lease_until_idx" ON "manifest"."encoding"("state", "lease_until");

-- CreateIndex
CREATE INDEX "encoding_fid_idx" ON "manifest"."encoding"("fid");

-- CreateIndex
CREATE INDEX "outbox_published_at_created_at_idx" ON "manifest"."outbox"("published_at", "created_at");

-- CreateIndex
CREATE INDEX "inbox_received_at_idx" ON "manifest"."inbox"("received_at");

-- CreateIndex
CREATE INDEX "corrupt_fragment_miner_observed_at_idx" ON "retrieval"."corrupt_fragment"("miner", "observed_at");

-- CreateIndex
CREATE INDEX "outbox_published_at_created_at_idx" ON "retrieval"."outbox"("published_at", "created_at");

-- CreateIndex
CREATE INDEX "inbox_received_at_idx" ON "retrieval"."inbox"("received_at");

-- CreateIndex
CREATE INDEX "deal_state_not_before_idx" ON "scheduling"."deal"("state", "not_before");

-- CreateIndex
CREATE INDEX "deal_fid_idx" ON "scheduling"."deal"("fid");

-- CreateIndex
CREATE INDEX "deal_column_state_lease_until_idx" ON "scheduling"."deal_column"("state", "lease_until");

-- CreateIndex
CREATE INDEX "deal_column_miner_state_idx" ON "scheduling"."deal_column"("miner", "state");

-- CreateIndex
CREATE INDEX "placement_attempt_upload_id_index_idx" ON "scheduling"."placement_attempt"("upload_id", "index");

-- CreateIndex
CREATE INDEX "placement_attempt_miner_started_at_idx" ON "scheduling"."placement_attempt"("miner", "started_at");

-- CreateIndex
CREATE INDEX "miner_cooldown_until_idx" ON "scheduling"."miner"("cooldown_until");

-- CreateIndex
CREATE INDEX "chain_transaction_account_state_idx" ON "scheduling"."chain_transaction"("account", "state");

-- CreateIndex
CREATE INDEX "chain_transaction_purpose_reference_idx" ON "scheduling"."chain_transaction"("purpose", "reference");

-- CreateIndex
CREATE UNIQUE INDEX "chain_transaction_account_hash_key" ON "scheduling"."chain_transaction"("account", "hash");

-- CreateIndex
CREATE INDEX "outbox_published_at_created_at_idx" ON "scheduling"."outbox"("published_at", "created_at");

-- CreateIndex
CREATE INDEX "inbox_received_at_idx" ON "scheduling"."inbox"("received_at");

-- AddForeignKey
ALTER TABLE "chain"."report" ADD CONSTRAINT "report_fid_fkey" FOREIGN KEY ("fid") REFERENCES "chain"."deal"("fid") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "chain"."file_owner" ADD CONSTRAINT "file_owner_fid_fkey" FOREIGN KEY ("fid") REFERENCES "chain"."file"("fid") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ingest"."upload_part" ADD CONSTRAINT "upload_part_upload_id_fkey" FOREIGN KEY ("upload_id") REFERENCES "ingest"."upload"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "manifest"."segment" ADD CONSTRAINT "segment_upload_id_fkey" FOREIGN KEY ("upload_id") REFERENCES "manifest"."encoding"("upload_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "scheduling"."deal_column" ADD CONSTRAINT "deal_column_upload_id_fkey" FOREIGN KEY ("upload_id") REFERENCES "scheduling"."deal"("upload_id") ON DELETE CASCADE ON UPDATE CASCADE;
