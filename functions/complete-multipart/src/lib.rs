//! The complete-multipart function.
