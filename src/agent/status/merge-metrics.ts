import { get } from 'node:http'

const MAX_BYTES = 16 << 20

/** Fetches a Prometheus text page of this machine; '' when it cannot be had, because one part must not hide the others. */
export function scrape(url: string, timeoutMs = 2000): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: timeoutMs, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_BYTES) request.destroy(new Error('too large'))
        else chunks.push(chunk)
      })
      response.on('error', () => resolve(''))
      response.on('end', () => resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : ''))
    })
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', () => resolve(''))
  })
}

/**
 * Joins pages into one. A metric that stands in several keeps the HELP and TYPE of the first: the text format allows them once.
 * Series stay in their page's order, so a family that stands in two pages has its series in two places, which Prometheus takes.
 */
export function mergePages(pages: readonly string[]): string {
  const described = new Set<string>()
  const lines: string[] = []
  for (const page of pages) {
    for (const line of page.split('\n')) {
      if (line === '' || line.startsWith('# EOF')) continue
      const comment = /^# (HELP|TYPE) (\S+)/.exec(line)
      if (comment !== null) {
        const key = `${comment[1]} ${comment[2]}`
        if (described.has(key)) continue
        described.add(key)
      }
      lines.push(line)
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
