/** Child of apiserver-crash.test.ts: an API server on argv[2] that prints its address, and dies when told to. */
import { startApiServer } from '../../src/apiserver/index.ts'

const server = await startApiServer({ dataDir: process.argv[2], port: 0 })
process.stdout.write(
  `${JSON.stringify({ url: server.url, token: server.token, caPem: server.caPem, kubeconfig: server.kubeconfig })}\n`,
)
