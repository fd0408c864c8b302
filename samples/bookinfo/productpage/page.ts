import type { Answer, Details, Review, Reviews } from './backends.ts'
import { Html, html } from './html.ts'
import { PRODUCTS, type Product } from './product.ts'

/** What every page has around its content. */
function layout(content: Html, user?: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simple Bookstore App</title>
<link rel="icon" href="static/img/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/bookinfo.css">
</head>
<body>
<header class="bar"><div class="wide">
<a class="brand" href="productpage"><img src="static/img/mark.svg" alt="" width="28" height="28">BookInfo Sample</a>
<nav>${account(user)}</nav>
</div></header>
<main class="wide">${content}</main>
<footer class="wide">A sample of four small services: this page, <i>details</i>, <i>reviews</i> and <i>ratings</i>.</footer>
${user === undefined ? SIGN_IN_DIALOG : undefined}
</body>
</html>
`.text
}

function account(user: string | undefined): Html {
  if (user === undefined) return html`<button id="sign-in-button" class="button" type="button">Sign in</button>`
  return html`<span class="user" id="user">${user}</span> <a class="button" href="logout">Sign out</a>`
}

const SIGN_IN_DIALOG = html`<dialog id="sign-in">
<form method="post" action="login" name="login_form" id="login_form">
<h2>Sign in</h2>
<p class="hint">Any name will do. <b>jason</b> is the one that the routing tasks treat differently.</p>
<label>User name <input type="text" name="username" autocomplete="username" required autofocus></label>
<label>Password <input type="password" name="passwd" autocomplete="current-password"></label>
<div class="actions"><button class="button quiet" type="button" id="sign-in-cancel">Cancel</button><button class="button" type="submit">Sign in</button></div>
</form>
</dialog>
<script>
const dialog = document.getElementById('sign-in')
document.getElementById('sign-in-button').addEventListener('click', () => dialog.showModal())
document.getElementById('sign-in-cancel').addEventListener('click', () => dialog.close())
</script>`

export interface PageData {
  readonly product: Product
  readonly details: Answer<Details>
  readonly reviews: Answer<Reviews>
  readonly user: string | undefined
}

/** The product page; parts whose service failed say so in their place. */
export function productPage({ product, details, reviews, user }: PageData): string {
  return layout(
    html`<article class="book">
<div class="cover" aria-hidden="true"><span class="cover-author">William Shakespeare</span><span class="cover-title">The Comedy<br>of Errors</span><img src="static/img/twins.svg" alt="" width="120" height="96"></div>
<div class="about">
<p class="overline">Paperback classics</p>
<h1>${product.title}</h1>
<p class="summary">${new Html(product.descriptionHtml)}</p>
<section aria-labelledby="details"><h2 id="details">Book Details</h2>
${details.body === undefined ? failure('Error fetching product details', details.error) : detailsTable(details.body)}
</section>
</div>
</article>
<section class="reviews" aria-labelledby="reviews"><h2 id="reviews">Book Reviews</h2>
${reviews.body === undefined ? failure('Error fetching product reviews', reviews.error) : reviewList(reviews.body)}
</section>`,
    user,
  )
}

function failure(title: string, text: string | undefined): Html {
  return html`<div class="failure" role="alert"><h3>${title}</h3><p>${text}</p></div>`
}

function detailsTable(details: Details): Html {
  return html`<table class="details">
<thead><tr><th scope="col">ISBN-10</th><th scope="col">Publisher</th><th scope="col">Pages</th><th scope="col">Type</th><th scope="col">Language</th></tr></thead>
<tbody><tr><td>${details['ISBN-10']}</td><td>${details.publisher}</td><td>${details.pages}</td><td>${details.type}</td><td>${details.language}</td></tr></tbody>
</table>`
}

function reviewList(reviews: Reviews): Html {
  const cluster = reviews.clustername
  const where = cluster === undefined || cluster === 'null' ? undefined : html` on cluster <code>${cluster}</code>`
  return html`<div class="cards">${reviews.reviews.map(reviewCard)}</div>
<p class="served">Reviews served by: <code>${reviews.podname}</code>${where}</p>`
}

function reviewCard({ reviewer, text, rating }: Review): Html {
  return html`<figure class="card">${ratingOf(rating)}
<blockquote>“${text}”</blockquote>
<figcaption><span class="face" aria-hidden="true">${reviewer.slice(-1)}</span>${reviewer}</figcaption>
</figure>`
}

function ratingOf(rating: Review['rating'] | null): Html | undefined {
  if (rating === undefined || rating === null) return undefined
  if (rating.error !== undefined) return html`<p class="no-rating">${rating.error}</p>`
  // An unknown color must not become CSS of somebody's choice.
  const color = rating.color === 'red' ? 'red' : 'black'
  const stars = Math.max(0, Math.min(5, Math.round(rating.stars)))
  return html`<div class="stars ${color}" role="img" aria-label="${stars} of 5 stars">${repeat(STAR, stars)}${repeat(EMPTY_STAR, 5 - stars)}</div>`
}

const PATH = new Html('M10 1.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8L10 14.9l-5.2 2.7 1-5.8L1.6 7.7l5.8-.8z')
const STAR = html`<svg class="glyphicon glyphicon-star" viewBox="0 0 20 20"><path d="${PATH}"/></svg>`
const EMPTY_STAR = html`<svg class="glyphicon glyphicon-star-empty" viewBox="0 0 20 20"><path d="${PATH}"/></svg>`

function repeat(part: Html, times: number): Html {
  return new Html(part.text.repeat(times))
}

/** The first page: which services there are, and two links into the page. */
export function indexPage(urls: Record<'details' | 'reviews' | 'ratings', string>): string {
  const row = (name: string, endpoint: string, children: string) =>
    html`<tr><th scope="row">${name}</th><td><code>${endpoint}</code></td><td>${children}</td></tr>`
  return layout(html`<section class="index">
<p class="overline">Hello!</p>
<h1>Simple Bookstore App</h1>
<p class="summary">One page, put together from the answers of four services:</p>
<table class="details">
<thead><tr><th scope="col">Name</th><th scope="col">Endpoint</th><th scope="col">Calls</th></tr></thead>
<tbody>${row('productpage', 'productpage', 'details, reviews')}${row('details', urls.details, '–')}${row('reviews', urls.reviews, 'ratings (v2 and v3)')}${row('ratings', urls.ratings, '–')}</tbody>
</table>
<p class="links"><a class="button" href="productpage?u=normal">Normal user</a> <a class="button quiet" href="productpage?u=test">Test user</a></p>
</section>`)
}

/** The product of the page: the sample has but one. */
export const FEATURED = PRODUCTS[0]
