"""Who asks: keys and tokens that expire, per deployment, fetched through the one transport."""
