-- CreateTable
CREATE TABLE "ingest"."request_nonce" (
    "account" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "request_nonce_pkey" PRIMARY KEY ("account","nonce")
);

-- CreateIndex
CREATE INDEX "request_nonce_expires_at_idx" ON "ingest"."request_nonce"("expires_at");
