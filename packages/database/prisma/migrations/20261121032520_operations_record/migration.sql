-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "audit";

-- AlterTable
ALTER TABLE "chain"."outbox" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "ingest"."upload" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "ingest"."outbox" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "manifest"."encoding" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "manifest"."outbox" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "retrieval"."outbox" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "scheduling"."deal" ADD COLUMN     "trace" TEXT;

-- AlterTable
ALTER TABLE "scheduling"."outbox" ADD COLUMN     "trace" TEXT;

-- CreateTable
CREATE TABLE "audit"."record" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "service" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "details" JSONB NOT NULL,
    "trace" TEXT,

    CONSTRAINT "record_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ingest"."dead_letter" (
    "id" UUID NOT NULL,
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "code" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "deliveries" INTEGER NOT NULL,
    "trace" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMP(3),
    "settlement" TEXT,

    CONSTRAINT "dead_letter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "manifest"."dead_letter" (
    "id" UUID NOT NULL,
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "code" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "deliveries" INTEGER NOT NULL,
    "trace" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMP(3),
    "settlement" TEXT,

    CONSTRAINT "dead_letter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "scheduling"."pause" (
    "what" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "since" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "pause_pkey" PRIMARY KEY ("what")
);

-- CreateTable
CREATE TABLE "scheduling"."dead_letter" (
    "id" UUID NOT NULL,
    "consumer" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "code" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "deliveries" INTEGER NOT NULL,
    "trace" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMP(3),
    "settlement" TEXT,

    CONSTRAINT "dead_letter_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "record_subject_id_idx" ON "audit"."record"("subject", "id");

-- CreateIndex
CREATE INDEX "record_actor_id_idx" ON "audit"."record"("actor", "id");

-- CreateIndex
CREATE INDEX "record_at_idx" ON "audit"."record"("at");

-- CreateIndex
CREATE INDEX "dead_letter_settled_at_created_at_idx" ON "ingest"."dead_letter"("settled_at", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "dead_letter_consumer_message_id_key" ON "ingest"."dead_letter"("consumer", "message_id");

-- CreateIndex
CREATE INDEX "dead_letter_settled_at_created_at_idx" ON "manifest"."dead_letter"("settled_at", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "dead_letter_consumer_message_id_key" ON "manifest"."dead_letter"("consumer", "message_id");

-- CreateIndex
CREATE INDEX "dead_letter_settled_at_created_at_idx" ON "scheduling"."dead_letter"("settled_at", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "dead_letter_consumer_message_id_key" ON "scheduling"."dead_letter"("consumer", "message_id");

-- The audit record is only ever added to.
CREATE FUNCTION "audit"."refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of %.% are never changed or deleted', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER "record_append_only" BEFORE UPDATE OR DELETE ON "audit"."record"
    FOR EACH ROW EXECUTE FUNCTION "audit"."refuse_change"();
CREATE TRIGGER "record_no_truncate" BEFORE TRUNCATE ON "audit"."record"
    FOR EACH STATEMENT EXECUTE FUNCTION "audit"."refuse_change"();
