"""From torch to ONNX: graphs with the parameters as inputs, checked against torch before they are stored."""
