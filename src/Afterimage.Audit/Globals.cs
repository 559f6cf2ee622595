global using TorchSharp;
global using static TorchSharp.torch;
global using System.ComponentModel.DataAnnotations;
