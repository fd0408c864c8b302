export interface Product {
  readonly id: number
  readonly title: string
  readonly descriptionHtml: string
}

export const PRODUCTS: readonly Product[] = [
  {
    id: 0,
    title: 'The Comedy of Errors',
    descriptionHtml:
      '<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">Wikipedia Summary</a>: The Comedy of Errors is one of <b>William Shakespeare’s</b> first plays, his shortest, and the one closest to farce. Most of its fun comes from two pairs of twins whom all of Ephesus keeps mistaking for each other, with slapstick, puns and wordplay on top.',
  },
]
