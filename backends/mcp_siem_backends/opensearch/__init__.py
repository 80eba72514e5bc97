"""OpenSearch: rules as stored searches over our index template. Importing this does nothing; each half loads when asked."""
