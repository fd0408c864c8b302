import {
  type TcpProxy_TunnelingConfig,
  TcpProxy_TunnelingConfigSchema,
} from '../../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { HeaderMutations } from '../../http/header-mutations.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { textFormat } from '../../http/substitution.ts'

/** `tunneling_config`: the request that asks a host for a tunnel. */
export class Tunneling {
  readonly #hostname: (info: StreamInfo) => string
  readonly #headers: HeaderMutations | undefined
  /** '' for CONNECT. */
  readonly #postPath: string

  constructor(config: TcpProxy_TunnelingConfig, path: string) {
    onlyFields(TcpProxy_TunnelingConfigSchema, config, ['hostname', 'use_post', 'headers_to_add', 'post_path'], path)
    if (config.hostname === '') throw invalid(`${path}.hostname`, 'is missing')
    if (config.postPath !== '' && !config.usePost) throw invalid(`${path}.post_path`, 'is for use_post only')
    this.#hostname = textFormat(config.hostname, `${path}.hostname`, true)
    this.#headers = HeaderMutations.compile(config.headersToAdd, [], `${path}.headers`)
    this.#postPath = config.usePost ? byteString(config.postPath || '/') : ''
  }

  request(info: StreamInfo, secure: boolean): HeaderMap {
    const post = this.#postPath !== ''
    const headers = new HeaderMap([
      ...[':authority', this.#hostname(info), ':path', this.#postPath],
      ...[':method', post ? 'POST' : 'CONNECT', ':scheme', post ? (secure ? 'https' : 'http') : ''],
    ])
    // What formats wrote has to be looked at before it goes on a wire.
    headers.written = true
    this.#headers?.apply(headers, info)
    return headers
  }
}
