"""How a request reaches a venue, and what it meets on the way: nothing here knows what an account is.

Outside in: `route` is what all requests to one venue and host share: `limiter`, `retry` budget, `breaker`. `transport`
turns a request into an answer, over `connections` that end at their deadline; `inflating` takes in the body, `lookup`
the addresses of a host. `sending` has the words for all of it. In which order they are used stands in
`accountview.executor`.
"""
