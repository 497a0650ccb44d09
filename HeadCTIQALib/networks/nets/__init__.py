"""The networks themselves: the only part of the product that imports torch and MONAI.

One module per model bundle, of the bundle's name, with two functions::

    build(metadata) -> torch.nn.Module      untrained; metadata["network_def"] is that of configs/inference.json
    infer(net, arrays, device) -> arrays    tuples of NumPy arrays; net is in evaluation mode on ``device``
"""
