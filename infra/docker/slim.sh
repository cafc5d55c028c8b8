#!/bin/sh
# slim.sh <deployed app>: takes away what no service loads. @prisma/client names Prisma's command as a peer, and with it
# come a database browser, an embedded Postgres, React and two TypeScripts. @polkadot/types-support is for its tests.
set -eu
cd "$1"
rm -rf src test tsconfig.json .turbo
cd node_modules/.pnpm
for name in prisma @prisma+studio-core @prisma+dev @prisma+query-plan-executor @prisma+engines @prisma+fetch-engine \
  @prisma+get-platform @prisma+config effect @electric-sql+pglite @electric-sql+pglite-socket @electric-sql+pglite-tools \
  typescript @typescript+typescript-linux-x64 @typescript+typescript-linux-arm64 react react-dom elkjs fast-check remeda @polkadot+types-support; do
  rm -rf "$name"@*
done
# The query compilers of other databases, and type declarations.
find . -path '*/@prisma/client/runtime/*' \( -name '*mysql*' -o -name '*sqlite*' -o -name '*sqlserver*' \
  -o -name '*cockroachdb*' \) -delete
find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
find . -path '*/node_modules/@granary/*/src' -prune -exec rm -rf {} +
# Links to what is gone.
find .. -xtype l -delete
