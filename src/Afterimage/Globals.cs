global using TorchSharp;
global using static TorchSharp.torch;
global using Afterimage.Numerics;
global using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;
global using System.ComponentModel.DataAnnotations;
