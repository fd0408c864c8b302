/** Other HTTP/1.1 implementations that say where they see messages end. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '../../free-ports.ts'
import { Program } from '../../program.ts'

export interface Reader {
  readonly port: number
  stop(): Promise<void>
}

/** Answers with the method, the target and the length of the body: what a reader understood. */
export async function nodeReader(): Promise<Reader> {
  const server: Server = createServer((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => {
      const text = `${request.method} ${request.url} ${length}`
      response.setHeader('x-seen', text)
      response.end()
    })
    request.on('error', () => {})
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function nginxReader(program: string, backend: number): Promise<Reader> {
  return startReader(program, (dir, port) => {
    writeFileSync(
      join(dir, 'nginx.conf'),
      `daemon off; master_process off; pid ${dir}/pid; error_log stderr crit;
events { worker_connections 512; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  keepalive_requests 100000;
  server { listen 127.0.0.1:${port}; merge_slashes off; location / { proxy_pass http://127.0.0.1:${backend}; proxy_http_version 1.1; } } }`,
    )
    return ['-e', 'stderr', '-p', dir, '-c', join(dir, 'nginx.conf')]
  })
}

export function haproxyReader(program: string, backend: number): Promise<Reader> {
  return startReader(program, (dir, port) => {
    writeFileSync(
      join(dir, 'haproxy.cfg'),
      `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server one 127.0.0.1:${backend}
`,
    )
    return ['-f', join(dir, 'haproxy.cfg')]
  })
}

export function apacheReader(program: string, backend: number): Promise<Reader> {
  return startReader(program, (dir, port) => {
    const modules = join(dirname(program), 'root/usr/lib/apache2/modules')
    const load = ['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map(
      (name) => `LoadModule ${name}_module ${modules}/mod_${name}.so\n`,
    )
    // No pool of connections to the backend: one that the backend has just closed would be a 502 of Apache's own.
    writeFileSync(
      join(dir, 'apache.conf'),
      `${load.join('')}ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${dir}/pid
Mutex pthread
ErrorLog ${dir}/log
LogLevel crit
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxKeepAliveRequests 0
KeepAliveTimeout 30
AllowEncodedSlashes NoDecode
ProxyPass / http://127.0.0.1:${backend}/ disablereuse=on nocanon
`,
    )
    return ['-X', '-d', dir, '-f', join(dir, 'apache.conf')]
  })
}

async function startReader(program: string, prepare: (dir: string, port: number) => string[]): Promise<Reader> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-reader-'))
  const port = await freePort()
  const reader = new Program(program, prepare(dir, port), { stdio: ['ignore', 'ignore', 'pipe'] })
  const stop = async () => {
    await reader.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await reader.until('a connection', async () => (await answers(port)) || undefined)
    return { port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** What a reader sees in these bytes: `method target length` of each message, in order; a refusal is its status. */
export function understood(port: number, bytes: string, messages: number): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const seen = () =>
      [...text.matchAll(/HTTP\/1\.1 (\d+)[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n/g)].map(
        ([, status, headers]) => /^x-seen: (.*)\r$/im.exec(headers)?.[1] ?? `status ${status}`,
      )
    let timer = setTimeout(done, 2000)
    function done(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(seen())
    }
    socket.on('data', (data) => {
      text += data.toString('latin1')
      // A little longer than the expected number: a message too many is what is looked for.
      if (seen().length >= messages) {
        clearTimeout(timer)
        timer = setTimeout(done, 30)
      }
    })
    socket.on('error', done)
    socket.on('close', done)
    socket.on('connect', () => socket.write(bytes, 'latin1'))
  })
}
