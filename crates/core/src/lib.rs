//! The pure heart of Holdfast: events, plans, contracts, checksums, receipts and error names, without any I/O.
