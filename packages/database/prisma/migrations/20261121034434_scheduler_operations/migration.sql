-- AlterTable
ALTER TABLE "scheduling"."deal" ADD COLUMN     "resumed_at" TIMESTAMP(3);

-- AlterTable
ALTER TABLE "scheduling"."deal_column" ADD COLUMN     "rival_lease_until" TIMESTAMP(3),
ADD COLUMN     "rival_miner" TEXT,
ADD COLUMN     "rival_relaxations" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "scheduling"."miner" ADD COLUMN     "changed_in" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "peak_lag_ms" DOUBLE PRECISION,
ADD COLUMN     "reported_at" TIMESTAMP(3),
ADD COLUMN     "seconds_per_report" DOUBLE PRECISION;

-- CreateTable
CREATE TABLE "scheduling"."budget" (
    "name" TEXT NOT NULL,
    "tokens" DOUBLE PRECISION NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "budget_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "placement_attempt_started_at_idx" ON "scheduling"."placement_attempt"("started_at");

-- CreateIndex
CREATE INDEX "placement_attempt_ended_at_idx" ON "scheduling"."placement_attempt"("ended_at");

-- CreateIndex
CREATE INDEX "miner_changed_in_idx" ON "scheduling"."miner"("changed_in");

-- Notes which transaction changed a miner, unless it was only seen again.
CREATE FUNCTION "scheduling"."note_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND
        to_jsonb(NEW) - ARRAY['updated_at', 'changed_in'] = to_jsonb(OLD) - ARRAY['updated_at', 'changed_in'] THEN
        NEW."changed_in" := OLD."changed_in";
    ELSE
        NEW."changed_in" := pg_current_xact_id()::text::bigint;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER "miner_note_change" BEFORE INSERT OR UPDATE ON "scheduling"."miner"
    FOR EACH ROW EXECUTE FUNCTION "scheduling"."note_change"();
