"""The edge: ASGI, guard, the model gateway, supervision and drain. The only room that knows granian."""
