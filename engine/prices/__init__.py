"""What tokens cost: the bundled price book, the workspace's own prices, and the names of models.

Owns the way from genai-prices and prices.yaml to rows of raw.model_prices and raw.model_names, from which SQL prices
every request. Refuses the network, guesses at unknown names, and pricing itself: that is staging.stg_api_requests.
"""
