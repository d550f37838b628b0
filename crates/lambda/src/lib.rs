//! What every function shares at its edge: decoding, error names, tracing, configuration and SDK clients.
