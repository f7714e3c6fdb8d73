"""gunicorn for the other sides: one worker, the parser in C, as the product has it."""

workers = 1
worker_class = "gthread"
keepalive = 75
http_parser = "fast"
control_socket_disable = True
accesslog = None
loglevel = "warning"
