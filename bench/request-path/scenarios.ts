/** What is configured in a scenario, as one bootstrap for Sluice and Envoy. */
import { createSign, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentials } from '../../src/apiserver/tls.ts'
import { wat } from '../../src/wasm/testing/wat-guest.ts'
import type { BootstrapParts } from '../lib/bootstrap.ts'

const TYPE = 'type.googleapis.com/envoy.extensions'

/** Built elsewhere, with SDKs that no registry carries; the scenarios with them are left out where they are absent. */
const CPP_MODULE = builtModule('cpp-add-response-header')
const GO_MODULE = builtModule('go-http-headers')

export interface Scenario extends BootstrapParts {
  readonly headers?: readonly string[]
  readonly workers?: number
  /** The file that it needs. */
  readonly module?: string
  /** The other proxies can do it too, as they are configured. */
  readonly plain?: boolean
}

const wasm = (module: string, configuration = '') =>
  `{ name: wasm, typed_config: { "@type": ${TYPE}.filters.http.wasm.v3.Wasm, config: { name: w, root_id: "", configuration: { "@type": type.googleapis.com/google.protobuf.StringValue, value: '${configuration}' }, vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${module}" } } } } } }`
const RBAC = `{ name: rbac, typed_config: { "@type": ${TYPE}.filters.http.rbac.v3.RBAC, rules: { action: ALLOW, policies: { all: { permissions: [{ url_path: { path: { prefix: / } } }], principals: [{ any: true }] } } } } }`

/** `scratch` takes the files that the scenarios need. */
export async function scenarios(scratch: string): Promise<Readonly<Record<string, Scenario>>> {
  return {
    plain: { plain: true },
    'one wasm filter': { module: CPP_MODULE, filters: [wasm(CPP_MODULE)] },
    'ten wasm filters': {
      module: CPP_MODULE,
      filters: Array.from({ length: 10 }, (_, i) => wasm(CPP_MODULE).replace('name: wasm', `name: wasm${i}`)),
    },
    'go wasm filter': { module: GO_MODULE, filters: [wasm(GO_MODULE, '{"header":"x-a","value":"b"}')] },
    'wasm filter that does nothing': { filters: [wasm(idleModule(scratch))] },
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
    'a connection for each request': { plain: true, headers: ['connection: close'] },
  }
}

function builtModule(name: string): string {
  return fileURLToPath(new URL(`../../../shared/modules/${name}.wasm`, import.meta.url))
}

/** Called for all that a stream has, and back at once: what is left is the host's share of a filter's cost. */
function idleModule(scratch: string): string {
  const callback = (name: string, params: number, result: string) =>
    `(func (export "proxy_on_${name}") (param ${'i32 '.repeat(params)}) ${result})`
  const zero = '(result i32) (i32.const 0)'
  const path = join(scratch, 'idle.wasm')
  writeFileSync(
    path,
    wat(`(module (memory (export "memory") 2) (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      ${callback('context_create', 2, '')} ${callback('request_headers', 3, zero)} ${callback('request_body', 3, zero)}
      ${callback('response_headers', 3, zero)} ${callback('response_body', 3, zero)}
      ${callback('done', 1, '(result i32) (i32.const 1)')} ${callback('log', 1, '')} ${callback('delete', 1, '')})`),
  )
  return path
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
