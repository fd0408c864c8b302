import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { compileUpstreamTls } from '../cluster/upstream-tls.ts'
import { parseMessage } from '../config/text.ts'
import { Authority, inline, type Pair } from '../listener/testing.ts'
import { StatsStore } from '../stats/store.ts'
import { DownstreamTls } from './downstream.ts'
import { TicketSecret } from './ticket-secret.ts'

const NONE = '{ inline_string: none }'

describe('what OpenSSL refuses is told with its field', () => {
  let one: Pair
  let other: Pair
  let authority: string

  before(async () => {
    const issuer = await new Authority().start()
    authority = inline(issuer.pem)
    one = await issuer.issue([{ type: 'dns', value: 'one.example' }])
    other = await issuer.issue([{ type: 'dns', value: 'other.example' }])
  })

  const pair = (key = one.key) => `{ certificate_chain: ${inline(one.cert)}, private_key: ${inline(key)} }`
  const secrets = {
    find: () => parseMessage(SecretSchema, `{ name: a, tls_certificate: ${pair(other.key)} }`, 'test'),
  }
  const server = (fields: string, more = '') => {
    const config = parseMessage(DownstreamTlsContextSchema, `{ common_tls_context: { ${fields} }${more} }`, 'test')
    new DownstreamTls(config, secrets, new TicketSecret(), 'here')
  }
  const client = (fields: string) => {
    const config = parseMessage(UpstreamTlsContextSchema, `{ common_tls_context: { ${fields} } }`, 'test')
    compileUpstreamTls(config, false, secrets, 'here', new StatsStore())
  }
  const refused = (work: () => void, field: string) =>
    assert.throws(work, ({ message }: Error) =>
      message.startsWith(`the proxy configuration is invalid: here.${field}: `),
    )

  for (const [field, fields] of [
    ['tls_params.cipher_suites', () => `tls_params: { cipher_suites: [NONE] }, tls_certificates: [${pair()}]`],
    ['tls_params.ecdh_curves', () => `tls_params: { ecdh_curves: [NONE] }, tls_certificates: [${pair()}]`],
    [
      'tls_params.tls_maximum_protocol_version',
      () =>
        `tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2 }, tls_certificates: [${pair()}]`,
    ],
    [
      'tls_params.tls_maximum_protocol_version',
      () => `tls_params: { tls_maximum_protocol_version: TLSv1_1 }, tls_certificates: [${pair()}]`,
    ],
    [
      'validation_context.crl',
      () => `validation_context: { trusted_ca: ${authority}, crl: ${NONE} }, tls_certificates: [${pair()}]`,
    ],
    ...['match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: a } }]', `crl: ${NONE}`].map(
      (asked) =>
        [
          'validation_context.trusted_ca',
          () => `validation_context: { ${asked} }, tls_certificates: [${pair()}]`,
        ] as const,
    ),
    [
      'combined_validation_context.trusted_ca',
      () =>
        `combined_validation_context: { default_validation_context: { match_subject_alt_names: [{ exact: a }] } }, tls_certificates: [${pair()}]`,
    ],
    ['tls_certificates', () => `tls_certificates: [${pair(other.key)}]`],
    ['tls_certificate_sds_secret_configs', () => 'tls_certificate_sds_secret_configs: [{ name: a }]'],
  ] as const) {
    test(`${field} of a server and of a client`, () => {
      refused(() => server(fields()), `common_tls_context.${field}`)
      refused(() => client(fields()), `common_tls_context.${field}`)
    })
  }

  test('a minimum of TLS 1.3 of a client, which by default goes up to 1.2', () => {
    const fields = 'tls_params: { tls_minimum_protocol_version: TLSv1_3 }'
    server(`${fields}, tls_certificates: [${pair()}]`)
    refused(() => client(fields), 'common_tls_context.tls_params.tls_maximum_protocol_version')
  })

  test('session_timeout', () =>
    refused(() => server(`tls_certificates: [${pair()}]`, ', session_timeout: 0.5s'), 'session_timeout'))
})
