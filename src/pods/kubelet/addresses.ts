import { createServer } from 'node:net'
import { SluiceError } from '../../errors.ts'

/** Hands out one loopback address to each Pod. All of 127.0.0.0/8 is the machine's own, with nothing to set up. */
export class Addresses {
  readonly #first: number
  readonly #size: number
  readonly #taken = new Set<number>()
  #next = 0

  constructor(cidr: string) {
    const [base, bits] = cidr.split('/')
    this.#size = 2 ** (32 - Number(bits)) - 2
    // Never the network's own address, as Kubernetes does it.
    this.#first = toNumber(base) + 1
  }

  /** Keeps an address for the Pod that had it in an earlier run; false when it is of no use. */
  async take(address: string, ports: readonly number[]): Promise<boolean> {
    const offset = toNumber(address) - this.#first
    if (!(offset >= 0 && offset < this.#size) || this.#taken.has(offset)) return false
    this.#taken.add(offset)
    if (await allFree(address, ports)) return true
    this.#taken.delete(offset)
    return false
  }

  /** The next address on which nobody listens on `ports`: another instance of Sluice may use the same network. */
  async allocate(ports: readonly number[]): Promise<string> {
    for (let tries = 0; tries < Math.min(this.#size, 4096); tries++) {
      const offset = this.#next++ % this.#size
      if (this.#taken.has(offset)) continue
      this.#taken.add(offset)
      const address = toText(this.#first + offset)
      if (await allFree(address, ports)) return address
      this.#taken.delete(offset)
    }
    throw new SluiceError('SL6104', `${this.#taken.size} are in use`)
  }

  release(address: string): void {
    this.#taken.delete(toNumber(address) - this.#first)
  }
}

async function allFree(address: string, ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    if (!(await isFree(address, port))) return false
  }
  return true
}

/** Whether a program could listen there now. */
function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}
