"""The online side, without torch: preprocessing, ONNX Runtime sessions, adaptation and prediction."""
