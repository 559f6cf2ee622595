System.Console.WriteLine("afterimage");
