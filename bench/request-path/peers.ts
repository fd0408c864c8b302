/** How each proxy is started for a scenario; `undefined` when it is not there or does not take part. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootstrap } from '../lib/bootstrap.ts'
import type { Scenario } from './scenarios.ts'

export type Command = readonly [program: string, args: readonly string[]]

export interface Programs {
  readonly nginx: string
  readonly haproxy: string
  readonly envoy: string
}

/** Writes a file of the benchmark's; returns its path. */
export type WriteFile = (name: string, text: string) => string

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export function peerCommands(
  programs: Programs,
  file: WriteFile,
  upstream: number,
): Readonly<Record<string, (scenario: Scenario, port: number) => Command | undefined>> {
  return {
    sluice: (scenario, port) => [
      process.execPath,
      [
        join(ROOT, 'bin/sluice.mjs'),
        'proxy',
        '-c',
        file(`${port}.yaml`, bootstrap(scenario, port, upstream)),
        '--concurrency',
        String(scenario.workers ?? 1),
      ],
    ],
    envoy: (scenario, port) =>
      programs.envoy === ''
        ? undefined
        : [
            programs.envoy,
            [
              '-c',
              file(`${port}.yaml`, bootstrap(scenario, port, upstream)),
              '--concurrency',
              String(scenario.workers ?? 1),
              '--disable-hot-restart',
              '-l',
              'error',
            ],
          ],
    nginx: (scenario, port) =>
      scenario.plain !== true
        ? undefined
        : nginxCommand(
            programs.nginx,
            file,
            'proxy',
            `upstream up { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; } server { listen 127.0.0.1:${port}; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header connection ""; } }`,
          ),
    haproxy: (scenario, port) =>
      scenario.plain !== true || programs.haproxy === ''
        ? undefined
        : [programs.haproxy, ['-db', '-f', file('haproxy.cfg', haproxyConfig(port, upstream))]],
    'node:http + undici': (scenario, port) =>
      scenario.plain === true ? [process.execPath, [file('undici.mjs', undiciProxy(port, upstream))]] : undefined,
  }
}

export function nginxCommand(program: string, file: WriteFile, name: string, http: string): Command {
  const folder = join(file(`${name}.pid`, ''), '..')
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ')
  const conf = file(
    `${name}.conf`,
    `worker_processes 1; daemon off; master_process off; error_log /dev/null; pid ${folder}/${name}.pid; events { worker_connections 4096; } http { access_log off; keepalive_requests 1000000000; ${temp} ${http} }`,
  )
  return [program, ['-p', folder, '-c', conf]]
}

function haproxyConfig(port: number, upstream: number): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 1m
  timeout server 1m
  timeout connect 1s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:${upstream}
`
}

function undiciProxy(port: number, upstream: number): string {
  return `
import { createServer } from 'node:http'
import { Pool } from '${ROOT}node_modules/undici/index.js'
const pool = new Pool('http://127.0.0.1:${upstream}', { connections: 64 })
createServer((request, response) => {
  pool.dispatch({ path: request.url, method: request.method, headers: request.headers }, {
    onRequestStart() {}, onResponseError() { response.destroy() },
    onResponseStart(_, status, headers) { response.writeHead(status, headers) },
    onResponseData(_, chunk) { response.write(chunk) }, onResponseEnd() { response.end() },
  })
}).listen(${port}, '127.0.0.1')`
}
