/** Takes chunks apart: where a proxy cuts a body is its own affair. What is no chunk stays as it is. */
export class ChunkReader {
  #rest = ''
  #done = false

  read(bytes: Buffer): Buffer {
    this.#rest += bytes.toString('latin1')
    let body = ''
    for (;;) {
      const line = this.#done ? null : /^([\da-f]+)\r\n/i.exec(this.#rest)
      if (line === null) break
      const from = line[0].length
      const length = Number.parseInt(line[1], 16)
      if (this.#rest.length < from + length + 2) break
      body += this.#rest.slice(from, from + length)
      this.#rest = this.#rest.slice(from + length + 2)
      if (length === 0) this.#done = true
    }
    if (this.#done) {
      body += this.#rest
      this.#rest = ''
    }
    return Buffer.from(body, 'latin1')
  }
}
