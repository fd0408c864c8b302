import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { MediaType, sha256Digest } from '../../oci/index.ts'
import { tarOf } from '../../oci/tar.ts'
import type { Fault } from './faulty-registry.ts'

const isManifest = ({ url = '' }: IncomingMessage) => url.includes('/manifests/') && !url.includes('.sig')
const isBlob = ({ url = '' }: IncomingMessage) => url.includes('/blobs/')

function status(code: number, headers: Record<string, string> = {}): Fault {
  return (request, response) => {
    if (!isManifest(request)) return false
    response.writeHead(code, headers).end()
    return true
  }
}

function blob(answer: (response: ServerResponse) => void): Fault {
  return (request, response) => {
    if (!isBlob(request)) return false
    answer(response)
    return true
  }
}

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 14)
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

/** Serves an image of its own with this one layer. */
function image(mediaType: string, layer: Buffer): Fault {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, digest: sha256Digest('{}'), size: 2 },
    layers: [{ mediaType, digest: sha256Digest(layer), size: layer.length }],
  })
  return (request, response) => {
    if (isManifest(request)) response.end(manifest)
    else if (isBlob(request)) response.end(layer)
    else return false
    return true
  }
}

/** What a registry can do wrong on the wire. Each says what the status must name. */
export const WIRE_FAULTS: Readonly<Record<string, { readonly code: string; readonly make: () => Fault }>> = {
  down: {
    code: 'SL3003',
    make: () => (_, response) => {
      response.destroy()
      return true
    },
  },
  slow: { code: 'SL3015', make: () => (request) => isManifest(request) },
  '401': { code: 'SL3004', make: () => status(401, { 'www-authenticate': 'Basic realm="x"' }) },
  '403': { code: 'SL3005', make: () => status(403) },
  '404': { code: 'SL3006', make: () => status(404) },
  '429 with Retry-After': { code: 'SL3007', make: () => status(429, { 'retry-after': '0' }) },
  '5xx': { code: 'SL3008', make: () => status(503) },
  'truncated layer': {
    code: 'SL3010',
    make: () =>
      blob((response) => {
        response.writeHead(200).write('\0as')
        setImmediate(() => response.destroy())
      }),
  },
  'wrong digest': {
    code: 'SL3010',
    make: () => blob((response) => response.end('\0asm but other bytes')),
  },
  'wrong media type': { code: 'SL3012', make: () => image('text/html', Buffer.from('<html>')) },
  'endless manifest': {
    code: 'SL3013',
    make: () => (request, response) => {
      if (isManifest(request)) endless(response)
      return isManifest(request)
    },
  },
  'endless layer': { code: 'SL3010', make: () => blob(endless) },
  'zip bomb': {
    code: 'SL3013',
    make: () => image(MediaType.ociLayerGzip, gzipSync(tarOf([{ name: 'plugin.wasm', data: Buffer.alloc(4 << 20) }]))),
  },
  'not Wasm': {
    code: 'SL3021',
    make: () =>
      image(MediaType.ociLayerGzip, gzipSync(tarOf([{ name: 'plugin.wasm', data: Buffer.from('hello, world') }]))),
  },
  'redirect loop': {
    code: 'SL3016',
    make: () => (request, response) => {
      if (isManifest(request)) response.writeHead(302, { location: request.url ?? '' }).end()
      return isManifest(request)
    },
  },
  'redirect to a metadata address': {
    code: 'SL3017',
    make: () => status(302, { location: 'http://169.254.169.254/latest/meta-data/' }),
  },
  'credentials asked for another host': {
    code: 'SL3018',
    make: () => status(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.2:9/token"' }),
  },
}

/** Twice an error, then good again: retries within one fetch get over it. */
export function flaky(times: number): Fault {
  let left = times
  return (request, response) => {
    if (!isManifest(request) || left-- <= 0) return false
    response.writeHead(500).end()
    return true
  }
}

/** Hides every signature. */
export const stripped: Fault = ({ url = '' }, response) => {
  if (!url.includes('.sig') && !url.includes('/referrers/')) return false
  response.writeHead(404).end()
  return true
}
