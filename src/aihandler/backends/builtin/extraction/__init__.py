"""Reads typed fields out of a document: pages, labels, dates, amounts, parties, line items."""
