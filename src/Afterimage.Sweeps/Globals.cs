global using System.ComponentModel.DataAnnotations;
global using Afterimage.Numerics;
