import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../../src/errors.ts'
import { freePort } from '../../free-ports.ts'
import { Program } from '../../program.ts'
import { told, within } from '../../within.ts'

export interface Answer {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  readonly body: any
}

/** A real kube-apiserver over an etcd of its own. */
export interface RealApiServer {
  call(method: string, path: string, body?: unknown): Promise<Answer>
  stop(): Promise<void>
}

export async function startRealApiServer(server: string, etcd: string): Promise<RealApiServer> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-kube-'))
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const token = randomBytes(16).toString('hex')
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = join(dir, 'sa.key')
  const tokens = join(dir, 'tokens.csv')
  writeFileSync(key, privateKey)
  writeFileSync(tokens, `${token},admin,1,"system:masters"\n`)
  const store = new Program(etcd, [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
  ])
  const api = new Program(server, [
    `--etcd-servers=http://127.0.0.1:${client}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(dir, 'certs')}`,
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--service-account-issuer=https://example.com',
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--disable-admission-plugins=ServiceAccount',
  ])
  const call = (method: string, path: string, body?: unknown) => send(port, token, method, path, body)
  const stop = async () => {
    await Promise.all([api.stop(), store.stop()])
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await api.until('readiness', async () => {
      const answer = await call('GET', '/readyz').catch(() => undefined)
      return answer?.code === 200 || undefined
    })
    return { call, stop }
  } catch (error) {
    await stop()
    throw new Error(told(messageOf(error), store.log()))
  }
}

function send(port: number, token: string, method: string, path: string, body: unknown): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    // The certificate is made at every start, by the server itself.
    const options = { host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false }
    const outgoing = request(options, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
      })
      incoming.on('end', () => {
        const isJson = incoming.headers['content-type']?.startsWith('application/json') === true
        resolve({ code: incoming.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
  return within(`the answer to ${method} ${path}`, answered)
}
