import { basic } from './support.ts'

const B64 = 'YWRtaW4zOmFkbWluMw=='
const CREDENTIALS = ['ok:test', 'admin:admin', 'admin2:admin2']
const rule = (path: object, more: object = {}) => ({
  ...path,
  request_methods: ['GET', 'POST'],
  credentials: CREDENTIALS,
  ...more,
})
const withB64 = { credentials: [...CREDENTIALS, B64] }
const config = (...rules: object[]) => JSON.stringify({ basic_auth_rules: rules })

const C1 = config(rule({ prefix: '/api' }))
const C1_B64 = config(rule({ prefix: '/api' }, withB64))
const EXACT = config(rule({ exact: '/api' }))
const SUFFIX = config(rule({ suffix: '/api' }))

const wrong = basic('wrong-cred')
const bare = Buffer.from('admin:admin').toString('base64')

/** Of istio-ecosystem/wasm-extensions extensions/basic_auth/plugin_test.cc: what a configuration is answered with. */
export const CONFIGURES: [string, string, boolean][] = [
  ['OnConfigureSuccess', config(rule({ prefix: '/api' }, withB64), rule({ exact: '/api' })), true],
  ['OnConfigureNoRequestPath', config(rule({})), false],
  ['OnConfigureMoreThanOneRequestPath', config(rule({ prefix: '/api', exact: '/api' })), false],
  ['OnConfigureNoRequestMethod', config(rule({ prefix: '/api' }, { request_methods: [] })), false],
  ['OnConfigureWrongRequestMethodType', config(rule({ prefix: '/api' }, { request_methods: 'GET' })), false],
  ['OnConfigureNoCredentials', config(rule({ prefix: '/api' }, { credentials: [] })), false],
  ['OnConfigureEmptyConfig', '{}', true],
]

export type Case = [
  name: string,
  config: string,
  method: string,
  path: string,
  auth: string,
  status: number,
  challenge?: string,
]

/** Of the same file: requests. */
const requests: Case[] = [
  ['PrefixAllow 1', C1_B64, 'GET', '/api/test', basic('ok:test'), 200],
  ['PrefixAllow 2', C1_B64, 'POST', '/api/config', basic('admin2:admin2'), 200],
  ['PrefixAllow 3', C1_B64, 'POST', '/api/config', basic('admin3:admin3'), 200],
  ['PrefixAllow 4', C1_B64, 'PUT', '/api/config', basic('admin2:admin2'), 200],
  ['PrefixAllow 5', C1_B64, 'PUT', '/config', '', 200],
  ['PrefixDeny 1', C1, 'GET', '/api/test', wrong, 401],
  ['PrefixDeny 2', C1, 'POST', '/api/config', bare, 401],
  ['ExactAllow 1', EXACT, 'GET', '/api', basic('ok:test'), 200],
  ['ExactAllow 2', EXACT, 'something', '/api/config', basic('some-cred'), 200],
  ['ExactDeny 1', EXACT, 'GET', '/api', wrong, 401],
  ['ExactDeny 2', EXACT, 'POST', '/api', bare, 401],
  ['SuffixAllow 1', SUFFIX, 'GET', '/test/api', basic('ok:test'), 200],
  ['SuffixAllow 2', SUFFIX, 'something', '/api', '', 200],
  ['SuffixDeny 1', SUFFIX, 'GET', '/test/api', wrong, 401],
  ['SuffixDeny 2', SUFFIX, 'POST', '/test/api', bare, 401],
]

/** Of test/basicauth: two rules, four credentials, the host `127.0.0.1:<port>`. */
const integrationConfig = (hosts?: string[], realm?: string) => {
  const rules = [rule({ prefix: '/api' }, { ...withB64, hosts }), rule({ exact: '/api' }, { ...withB64, hosts })]
  return JSON.stringify({ basic_auth_rules: rules, realm })
}
const plain = integrationConfig()
const integration: Case[] = [
  ['CorrectCredentials', plain, 'GET', '/api', 'Basic b2s6dGVzdA==', 200],
  ['IncorrectCredentials', plain, 'POST', '/api/reviews/pay', 'Basic AtRtaW46YWRtaW4=', 401, 'Basic realm=istio'],
  ['Base64Credentials', plain, 'POST', '/api/reviews/pay', `Basic ${B64}`, 200],
  ['MissingCredentials', plain, 'GET', '/api/reviews/pay', '', 401, 'Basic realm=istio'],
  ['NoPathMatch', plain, 'GET', '/secret', '', 200],
  ['NoMethodMatch', plain, 'DELETE', '/api/reviews/pay', '', 200],
  ['NoConfigurationCredentialsProvided', plain, 'POST', '/api/reviews/pay', '', 401, 'Basic realm=istio'],
  ['Realm', integrationConfig(undefined, 'test'), 'POST', '/api/reviews/pay', '', 401, 'Basic realm=test'],
  ['HostMismatch', integrationConfig(['127.0.0.2', 'random']), 'GET', '/api', '', 200],
  ['HostExactMatch', integrationConfig(['random', '127.0.0.1']), 'GET', '/api', '', 401],
  ['HostPrefixMatch', integrationConfig(['random', '127.0.0*']), 'GET', '/api', '', 401],
  ['HostSuffixMatch', integrationConfig(['random', '*.0.0.1']), 'GET', '/api', '', 401],
]

/** Istio's task, with its gateway and its waypoint. */
const product = config({
  prefix: '/productpage',
  request_methods: ['GET', 'POST'],
  credentials: ['ok:test', B64],
})
const reviews = config({ prefix: '/reviews', request_methods: ['GET'], credentials: ['MXQtaW4zOmFkbWluMw=='] })
const task: Case[] = [
  ['without credentials', product, 'GET', '/productpage', '', 401],
  ['with credentials', product, 'GET', '/productpage', `Basic ${B64}`, 200],
  ['waypoint without', reviews, 'GET', '/reviews/1', '', 401],
  ['waypoint with', reviews, 'GET', '/reviews/1', 'Basic MXQtaW4zOmFkbWluMw==', 200],
]

/** Malformed configurations, from config parsing of the same extension: each with what the log must say. */
export const MALFORMED: [string, string, boolean, RegExp?][] = [
  ['size 0', '', true],
  ['{}', '{}', true],
  ['not JSON', '{', false, /cannot parse plugin configuration JSON string/],
  ['no object', '[]', false, /cannot parse plugin configuration JSON string/],
  ['a string', '"x"', false, /cannot parse plugin configuration JSON string/],
  ['rules no array', '{"basic_auth_rules":{}}', false, /cannot parse plugin configuration JSON string/],
  ['rule no object', '{"basic_auth_rules":[7]}', false, /exactly one of prefix, suffix or exact/],
  ['no match key', config(rule({})), false, /exactly one of prefix, suffix or exact/],
  ['all match keys', config(rule({ prefix: 'a', exact: 'b', suffix: 'c' })), false, /exactly one of/],
  ['prefix no string', config(rule({ prefix: 1 })), false, /failed to parse 'prefix' field/],
  ['exact no string', config(rule({ exact: null })), false, /failed to parse 'exact' field/],
  ['suffix no string', config(rule({ suffix: ['/a'] })), false, /failed to parse 'suffix' field/],
  ['hosts no array', config(rule({ prefix: '/' }, { hosts: 'a' })), false, /failed to parse request hosts/],
  ['host no string', config(rule({ prefix: '/' }, { hosts: ['a', 1] })), false, /failed to parse request hosts/],
  ['no methods', config(rule({ prefix: '/' }, { request_methods: undefined })), false, /at least one method/],
  ['methods empty', config(rule({ prefix: '/' }, { request_methods: [] })), false, /at least one method/],
  ['methods a string', config(rule({ prefix: '/' }, { request_methods: 'GET' })), false, /parse request methods/],
  ['method no string', config(rule({ prefix: '/' }, { request_methods: [true] })), false, /parse request methods/],
  ['no credentials', config(rule({ prefix: '/' }, { credentials: undefined })), false, /at least one credential/],
  ['credentials empty', config(rule({ prefix: '/' }, { credentials: [] })), false, /at least one credential/],
  ['credentials no array', config(rule({ prefix: '/' }, { credentials: 'a:b' })), false, /parse credentials/],
  ['credential no string', config(rule({ prefix: '/' }, { credentials: [1] })), false, /parse credentials/],
  ['credential empty', config(rule({ prefix: '/' }, { credentials: [''] })), false, /parse credentials/],
  ['credential no base64', config(rule({ prefix: '/' }, { credentials: ['ab!d'] })), false, /parse credentials/],
  ['base64 of a wrong length', config(rule({ prefix: '/' }, { credentials: ['abcde'] })), false, /parse credentials/],
  ['base64 with spare bits', config(rule({ prefix: '/' }, { credentials: ['ab'] })), false, /parse credentials/],
  ['base64 with three =', config(rule({ prefix: '/' }, { credentials: ['YQ==='] })), false, /parse credentials/],
  ['base64 without padding', config(rule({ prefix: '/' }, { credentials: ['YTpi'] })), true],
  ['only padding', config(rule({ prefix: '/' }, { credentials: ['=='] })), false, /parse credentials/],
  ['realm null', '{"realm":null}', false, /cannot parse realm/],
  ['realm number', '{"realm":1}', false, /cannot parse realm/],
  ['realm empty', '{"realm":""}', true],
  ['unknown keys', '{"whatever":[{}],"basic_auth_rules":[]}', true],
]

export const REQUESTS: readonly Case[] = [...requests, ...integration, ...task]
