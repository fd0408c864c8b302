/** What is configured in a scenario, as one bootstrap for Sluice and Envoy. */
import { createSign, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentials } from '../../src/apiserver/tls.ts'
import type { BootstrapParts } from '../lib/bootstrap.ts'

const TYPE = 'type.googleapis.com/envoy.extensions'

/** Built elsewhere, with an SDK that no registry carries; the scenarios with it are left out where it is absent. */
export const MODULE = fileURLToPath(new URL('../../../shared/modules/cpp-add-response-header.wasm', import.meta.url))

export interface Scenario extends BootstrapParts {
  readonly headers?: readonly string[]
  readonly workers?: number
  /** The other proxies can do it too, as they are configured. */
  readonly plain?: boolean
}

const WASM = `{ name: wasm, typed_config: { "@type": ${TYPE}.filters.http.wasm.v3.Wasm, config: { name: w, root_id: "", vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${MODULE}" } } } } } }`
const RBAC = `{ name: rbac, typed_config: { "@type": ${TYPE}.filters.http.rbac.v3.RBAC, rules: { action: ALLOW, policies: { all: { permissions: [{ url_path: { path: { prefix: / } } }], principals: [{ any: true }] } } } } }`

/** `scratch` takes the files that the scenarios need. */
export async function scenarios(scratch: string): Promise<Readonly<Record<string, Scenario>>> {
  return {
    plain: { plain: true },
    'one wasm filter': { filters: [WASM] },
    'ten wasm filters': { filters: Array.from({ length: 10 }, (_, i) => WASM.replace('name: wasm', `name: wasm${i}`)) },
    'access log': {
      hcm: `access_log: [{ name: log, typed_config: { "@type": ${TYPE}.access_loggers.file.v3.FileAccessLog, path: "${join(scratch, 'access.log')}" } }]`,
    },
    rbac: { filters: [RBAC] },
    jwt: jwt(),
    'retries and timeouts': {
      route: ', timeout: 5s, retry_policy: { retry_on: "5xx,connect-failure", num_retries: 2, per_try_timeout: 2s }',
    },
    tls: await tls(scratch),
    'two workers': { workers: 2 },
  }
}

function jwt(): Scenario {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss: 'bench', sub: 'user', exp: 4_000_000_000 })}`
  const token = `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`
  const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256' }] })
  return {
    filters: [
      `{ name: jwt, typed_config: { "@type": ${TYPE}.filters.http.jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: bench, local_jwks: { inline_string: '${keys}' } } }, rules: [{ match: { prefix: / }, requires: { provider_name: p } }] } }`,
    ],
    headers: [`authorization: Bearer ${token}`],
  }
}

async function tls(scratch: string): Promise<Scenario> {
  const { certPem, keyPem } = await credentials(':memory:', '127.0.0.1')
  const [certificateFile, keyFile] = [join(scratch, 'cert.pem'), join(scratch, 'key.pem')]
  writeFileSync(certificateFile, certPem)
  writeFileSync(keyFile, keyPem)
  return {
    tls: `transport_socket: { name: tls, typed_config: { "@type": ${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { tls_certificates: [{ certificate_chain: { filename: "${certificateFile}" }, private_key: { filename: "${keyFile}" } }] } } }`,
  }
}
