/** Where the two proxies differ on purpose, or by chance: which facts of which generators, and why. */
import { isExplained, type Reason } from '../reason.ts'

/** Of this generator, and of a more special one: `ext-authz` is for `ext-authz-grpc`, too. */
const by = (generator: string) => (kind: string) => kind === generator || kind.startsWith(`${generator}-`)

const KNOWN: readonly Reason<string>[] = [
  {
    of: by('lua'),
    fact: /upstream\d?\.headers\.x-(envoy-internal|envoy-expected-rq-timeout-ms|forwarded-for)$/,
    why: "Envoy's client for calls of its own runs them through a router of its own, which adds these",
  },
  {
    of: by('lua'),
    fact: /upstream\d?\.headers\.(transfer-encoding|content-length)$/,
    value: /absent/,
    why: 'an empty body that a script has asked for is announced as none',
  },
  ...['lua', 'ext-authz'].map(
    (kind): Reason<string> => ({
      of: by(kind),
      fact: /\.rest$/,
      value: /^"" ≠/,
      why: 'RFC 9110 15.3.5: a 204 has no body, whatever the script or the service gave it',
    }),
  ),
  {
    of: by('lua'),
    fact: /response\.start$/,
    value: /599/,
    why: 'RFC 9112 4: a reason phrase says nothing; Envoy has an own one for 599',
  },
  {
    of: by('local-ratelimit'),
    fact: /headers\.(x-ratelimit-reset|retry-after)$/,
    value: /^"(\d+)" ≠ "(\d+)"$/,
    meaning: (value) => String(Math.round(Number(value.slice(1, -1)) / 30)),
    why: 'the proxies are asked one after the other, and on a busy machine a second or more later',
  },
  {
    of: by('ext-authz'),
    fact: /^stats\.http\..*\.(filter_state_name_collision|ignored_dynamic_metadata|omitted_response_headers|re(quest|sponse)_header_limits_reached|shadow_(denied|error))$/,
    value: /^absent ≠ "0"$/,
    why: 'counters of settings that are refused here',
  },
  {
    of: by('ext-authz'),
    fact: /upstream\d?\.headers\.x-(envoy-internal|envoy-expected-rq-timeout-ms|forwarded-for)$/,
    value: /^absent ≠/,
    why: "Envoy's client for calls of its own runs them through a router of its own, which adds these",
  },
  {
    of: by('ext-authz'),
    fact: /headers\.x-envoy-upstream-service-time$/,
    value: /^absent ≠/,
    why: "Envoy's client for calls of its own runs them through a router of its own, which adds it to the answer",
  },
  {
    of: by('ext-authz'),
    fact: /upstream\d?\.headers\.host$/,
    value: /,(other|OTHER)"$/,
    why: 'RFC 9110 7.2: a host is one host; Envoy appends another one to it',
  },
  {
    of: by('ext-authz'),
    fact: /\.headers\./,
    meaning: list,
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
  },
  {
    of: by('ext-authz'),
    fact: /upstream\.headers\.(x-b|request\.http\.headers\.x-b)$/,
    value: /^"(é|\ufffd)" ≠ "!"$/,
    why: 'what is no UTF-8 goes to a service as it came, where that can take bytes; Envoy replaces them, and by another character',
  },
  {
    of: by('ext-authz'),
    fact: /x-envoy-auth-failure-mode-allowed$/,
    value: /^"true" ≠ "x \| true"$/,
    why: 'what the filter says stands in the place of what a client says; Envoy adds it',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /\.request\.http\.(body|rawBody)$/,
    value: /absent/,
    why: 'with_request_body of a route overrides that of the filter, as its documentation says, pack_as_bytes with it; Envoy takes that of the filter',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /upstream1\.start$/,
    meaning: (value) => value.replaceAll('%20', ' '),
    why: 'RFC 9112 3.2: a blank ends the target of a request; Envoy writes that of a parameter as it is',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /response\.headers\.host$/,
    value: /^absent ≠ "OTHER"$/,
    why: 'RFC 9113 8.3.2: an answer has no :authority; Envoy makes a Host of it',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /^log\./,
    meaning: (value) => value.replace(/(ext_authz_invalid) route=\S+/, '$1'),
    why: 'an answer that is refused changes nothing; Envoy has changed by then what it has looked at, and so the route',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /^log\./,
    meaning: (value) => value.replace(/duration=\d+/, 'duration=…'),
    why: 'how long a service takes is chance',
  },
  {
    of: by('ext-authz-grpc'),
    fact: /\.request\.http\.headerMap\.headers\.\d+\.rawValue$/,
    meaning: (value) => (value.length > 40 ? 'an id' : value),
    why: 'ids of requests are random, and bytes are shown as base64',
  },
  {
    of: by('ext-authz'),
    fact: /^log\./,
    meaning: (value) => value.replace(/(ext_authz_error .*)in=\d+/, '$1'),
    why: 'what has come of a body by the time of an answer is chance; Envoy answers before it has looked where there is no cluster',
  },
  {
    of: by('ext-authz'),
    fact: /^refused$/,
    value: /is not a header name/,
    why: 'RFC 9110 5.1: what is no token cannot be sent as the name of a header; Envoy refuses only CR, LF and NUL',
  },
  ...['ext-authz', 'fault'].map(
    (kind): Reason<string> => ({
      of: by(kind),
      fact: /response\.headers\.connection$/,
      value: /^absent ≠ "close"$/,
      why: "Envoy's codec tells the end of a request in a call of its own, so that its answer to the last piece of a body counts as early",
    }),
  ),
  {
    of: by('ext-authz'),
    fact: /response\.headers\.transfer-encoding$/,
    value: /^absent ≠ "chunked"$/,
    why: 'RFC 9112 6.1: how the service codes its answer says nothing of the one to the client; Envoy hands it on beside a length',
  },
  ...['header-mutation', 'cors'].map(
    (kind): Reason<string> => ({
      of: by(kind),
      fact: /\.headers\./,
      meaning: list,
      why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
    }),
  ),
  {
    of: by('cors'),
    fact: /response\.headers\.transfer-encoding$/,
    value: /^absent ≠ "chunked"$/,
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
  },
  {
    of: by('header-mutation'),
    fact: /upstream\.start$/,
    meaning: (value) => value.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    why: 'RFC 3986 2.4: a parameter that nobody changes stays as it is written; Envoy writes it decoded, as other ones',
  },
  {
    of: by('header-mutation'),
    fact: /^refused$/,
    value: /is not a header name|a header name is missing|cannot be (removed|changed)/,
    why: 'RFC 9110 5.1: what is no token is no name; and what a route was chosen by, rewrites of the route change, which Envoy does not ask for here',
  },
  ...['compressor', 'decompressor'].flatMap((kind): Reason<string>[] => [
    {
      of: by(kind),
      fact: /\.headers\.|^log\./,
      meaning: list,
      why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
    },
    {
      of: by(kind),
      fact: /response\.headers\.transfer-encoding$/,
      value: /^absent ≠ "chunked"$/,
      why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
    },
  ]),
  {
    of: by('compressor'),
    fact: /response\.headers\.vary$/,
    meaning: (value) =>
      list(value)
        .toLowerCase()
        .replace(/(^\*|\baccept-encoding\b.*),accept-encoding$/, '$1'),
    why: 'RFC 9110 12.5.5: names have no case, and * is all of them; Envoy adds its own then',
  },
  {
    of: by('decompressor'),
    fact: /\.decompressor_library\./,
    value: /absent ≠ "0"|"0" ≠ absent/,
    why: "a library's counters are there from the beginning; Envoy has them from the first body on",
  },
  {
    of: by('decompressor'),
    fact: /\.brotli_error$/,
    value: /^"[1-9]\d*" ≠ "[1-9]\d*"$/,
    why: 'a broken body is one; Envoy goes on with it and counts each piece',
  },
  {
    of: by('compressor'),
    fact: /\.body$|\.total_compressed_bytes$/,
    why: "Envoy flushes before it ends a body, which costs an empty block, and writes zstd's window differently; the headers tell which library it was",
  },
  {
    of: by('jwt-remote'),
    fact: /upstream\d?\.headers\.x-(envoy-internal|envoy-expected-rq-timeout-ms|forwarded-for)$/,
    value: /^absent ≠/,
    why: "Envoy's client for calls of its own runs them through a router of its own, which adds these",
  },
  {
    of: by('jwt-remote'),
    fact: /upstream\d?\.headers\.user-agent$/,
    value: /^absent ≠ "Go-browser"$/,
    why: 'RFC 9110 10.1.5: a user agent names the product, which is no browser of Go',
  },
  {
    of: by('jwt'),
    fact: /www-authenticate$/,
    meaning: (value) => value.replaceAll('\\"', ''),
    why: 'RFC 9110 5.6.4: a quoted string ends at a quote, so that none of the path stands in it; Envoy writes it',
  },
  {
    of: by('jwt'),
    fact: /upstream\.headers\.authorization$/,
    meaning: (value) => value.replaceAll(' | ', ','),
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
  },
  {
    of: by('jwt'),
    fact: /^refused$/,
    value: /local_jwks: Unexpected end of JSON input.* ≠ taken$/s,
    why: 'no keys at all are refused; Envoy then refuses all tokens',
  },
  {
    of: by('jwt'),
    fact: /^log\./,
    meaning: (value) => value.replace(/(access_denied\{.*\} route=\S+) .*/, '$1'),
    why: 'a request that is refused tells no claims; Envoy tells those of the tokens that it has looked at by then',
  },
  {
    of: by('jwt'),
    fact: /upstream\.headers\.x-(a|o|sub|payload)$/,
    value: /≠ absent$/,
    why: 'what a token said stays; Envoy removes it again with each requirement that follows',
  },
  {
    of: by('jwt'),
    fact: /^(log\.\d+|\d+\.response\.(body|headers\.content-length))$/,
    meaning: (value) =>
      value
        .replace(/Jwt[ _]ED25519[ _]signature[ _]is[ _]wrong[ _]length/, (text) =>
          text.includes(' ') ? 'Jwt verification fails' : 'Jwt_verification_fails',
        )
        .replace(/^"37"$/, '"22"'),
    why: 'Envoy tries keys of any kind that do not say for which algorithm they are, and tells what the last one said',
  },
  {
    of: by('jwt'),
    fact: /^(log\.\d+|\d+\.response\.(body|headers\.content-length))$/,
    meaning: (value) =>
      value
        .replace(/is[ _]an[ _]invalid[ _](Base64url[ _]encoded|JSON)/, 'is invalid')
        .replace(/^"(42|29)"$/, 'header'),
    why: 'blanks are no base64url (RFC 4648 3.3); Envoy looks at what is left without them',
  },
  ...['wasm-properties', 'wasm-headers'].map(
    (kind): Reason<string> => ({
      of: by(kind),
      fact: /\.headers\.(content-length|transfer-encoding)$/,
      value: /absent/,
      why: 'a module that may change a body loses its length first (docs/reference/wasm-host.md)',
    }),
  ),
  {
    of: by('wasm-properties'),
    fact: /x-told/,
    value:
      /(?:node|(?:cluster|route|listener|upstream_host)_(?:name|metadata|direction))(?:\\+x00\S*)? get_property 0.* ≠ .*get_property 1/,
    why: 'names of before they stood below xds: modules of that time still ask for them',
  },
  {
    of: by('wasm-properties'),
    fact: /^stats\.wasmcustom\.wasm\d+\."(?:node|(?:cluster|route|listener|upstream_host)_(?:name|metadata|direction)|(?:metadata|upstream_filter_state)(?:\\x00)?_|destination\\x00address|response\\x00trailers)/,
    why: 'what was asked for at the end of a stream is known as it is before; names of counters have ports in them',
  },
  {
    of: by('wasm-properties'),
    fact: /response\.(?:headers|trailers)\.x-told/,
    value: /request\\+x00\S+ get_property 0.* ≠ .*get_property 1/,
    why: 'Envoy forgets the headers of a request when it has gone; other hosts keep them readable',
  },
  {
    of: by('wasm-properties'),
    fact: /x-told/,
    value: /response\\+x00trailers(?:\\+x00)? get_property/,
    why: 'before there are trailers Envoy has a map of them, which is empty; of those that are there the order is its own',
  },
  {
    of: by('wasm-properties'),
    fact: /x-told/,
    value:
      /metadata(?:\\+x00)? get_property 3.* ≠ .*get_property 0|upstream_filter_state(?:\\+x00)? get_property 3.* ≠ .*get_property 1/,
    why: 'a group of attributes as a whole has no encoding: that it is a message in Envoy, or not there yet, is of no use',
  },
  {
    of: by('wasm-properties'),
    fact: /upstream\.headers\.x-told/,
    value: /xds\\+x00cluster_metadata\S+ get_property 1.* ≠ .*get_property 0/,
    why: "the metadata of a cluster is known with the request's host; Envoy looks for the cluster of its route",
  },
  {
    of: by('wasm-headers'),
    fact: /\.x-told|\.(?:headers|trailers)\./,
    meaning: pairs,
    why: 'RFC 9110 5.3: the order of different fields means nothing, and those of one name are one list; Envoy joins some of those, and moves what is replaced',
  },
  {
    of: by('wasm-headers'),
    fact: /\.rest$/,
    value: /^"" ≠/,
    why: 'RFC 9110 9.3.2: the answer to HEAD has no body, also where a module has made it a GET on its way',
  },
  {
    of: by('buffer'),
    fact: /response\.headers\.connection$/,
    value: /^absent ≠ "close"$/,
    why: "Envoy's codec tells the end of a request in a call of its own, so that its answer to the last piece of a body counts as early",
  },
  {
    of: by('buffer'),
    fact: /upstream\.headers\.(content-length|transfer-encoding)$/,
    value: /^absent ≠ "\d+"$|^"chunked" ≠ absent$/,
    why: 'a request with trailers stays chunked, so that they can go on; with a length, as Envoy gives it, they are lost',
  },
  {
    of: by('health-check'),
    fact: /response\.headers\.transfer-encoding$/,
    value: /^absent ≠ "chunked"$/,
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
  },
  {
    of: by('grpc-web'),
    fact: /response\.headers\.content-length$/,
    value: /^"0" ≠ absent$/,
    why: 'RFC 9110 9.3.2: an answer to HEAD tells the length that GET would have; in Envoy a filter takes it away',
  },
  {
    of: by('grpc-web'),
    fact: /response\.headers\.transfer-encoding$/,
    value: /^absent ≠ "chunked"$/,
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
  },
  {
    of: by('grpc-web'),
    fact: /response\.body$/,
    value: /^"[\w+/=]+…?" ≠ "[\w+/=]+…?"$/,
    meaning: decodedRuns,
    why: 'a text answer goes out as it comes; Envoy waits for whole messages and codes each for itself',
  },
  {
    of: by('grpc-web'),
    fact: /response\.complete$|^log\./,
    meaning: (value) =>
      value
        .replace(/"(?:false|no answer)"/, '"true"')
        .replace('DC downstream_remote_disconnect', '- via_upstream')
        .replace(/ out=\d+/, ''),
    why: 'a text answer without trailers ends; in Envoy it does not, as its filter stops the end that no message comes with',
  },
  {
    of: by('health-check'),
    fact: /upstream\.host$/,
    why: 'by chance: both take turns, and begin anywhere',
  },
]

/** What a module has seen as a map, in one order. */
function pairs(value: string): string {
  const all = /^(.*\{)(.*)(\}.*)$/.exec(value)
  if (all === null) return list(value)
  const byName = Map.groupBy((all[2] as string).split(';'), (pair) => pair.slice(0, pair.indexOf('=')))
  const lines = [...byName].map(
    ([name, same]) => `${name}=${same.map((pair) => list(pair.slice(name.length + 1))).join()}`,
  )
  return `${all[1]}${lines.sort().join(';')}${all[3]}`
}

/** Base64 whose runs end padded; cut where it was cut. */
function decodedRuns(value: string): string {
  const runs = value.match(/[^="…]+=*/g) ?? []
  return `${runs.map((run) => Buffer.from(run, 'base64').toString('hex')).join('')}${value.endsWith('…"') ? '…"' : ''}`
}

/** Of several lines, or of one. */
function list(value: string): string {
  return value
    .replace(/^"|"$/g, '')
    .split(/ \| |,/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .join()
}

/** `what`: what is ours and theirs. */
export function isKnown(kind: string, fact: string, what: string): boolean {
  const [ours = '', theirs = ''] = what.split(' ≠ ')
  return isExplained(KNOWN, { fact, ours, theirs }, kind)
}
